"""Tests of exporting a network: every format's files, by the runtimes that they are for."""

import dataclasses
import itertools
import os
import pathlib
import subprocess
import sys
import tempfile
from unittest import mock

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from absl.testing import parameterized
from ai_edge_litert.interpreter import Interpreter

from elastic_tf.export import formats, network_export
from elastic_tf.export.loaded_export import LoadedExport
from elastic_tf.export.network_export import export_network
from elastic_tf.export.options import ExportOptions
from elastic_tf.inference.frozen_blocks import FrozenBlock
from elastic_tf.inference.frozen_network import FrozenNetwork
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.models.standalone import fixed_network
from elastic_tf.policies.budget import BudgetCalibration
from elastic_tf.policies.second_look import SecondLookCalibration
from tests.elastic_tf.export.small_exports import (
    LEVELS,
    LOOK,
    OPTIONS,
    expected_answer,
    expected_macs,
    exported,
    small_network,
)
from tests.elastic_tf.models.trunk_networks import trunk_network
from tests.testing import TASKS, random_images, randomise

IMAGES = random_images("grey", 40, seed=1)
ALONE = pathlib.Path(__file__).with_name("run_alone.py")


class _InFolder(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))


@pytest.mark.slow
class ExportsTest(_InFolder):
    def _check(self, answer, name, images):
        levels, probabilities = expected_answer(images, OPTIONS[name])
        self.assertAllEqual(answer.get("levels", levels), levels)
        self.assertAllClose(answer["probabilities"], probabilities, rtol=0, atol=1e-5)
        classes = answer.get("classes", answer["probabilities"].argmax(-1))
        self.assertAllEqual(classes, probabilities.argmax(-1))

    @parameterized.parameters(*OPTIONS)
    def test_an_export_answers_as_the_network_whatever_the_batch(self, name):
        loaded = LoadedExport(exported(name), "grey")
        images = IMAGES.astype(loaded.manifest["input_dtype"])
        whole = loaded.predict(images)
        self._check(whole, name, IMAGES)
        self.assertAllEqual(whole["macs"], expected_macs(whole["levels"], name))
        sizes = (1, 9) if "litert" in name else (0, 1, 9)  # LiteRT runs no empty batch.
        for size in sizes:
            part = loaded.predict(images[:size])
            self.assertEqual(part["probabilities"].shape, (size, 3))
            self.assertAllEqual(part["levels"], whole["levels"][:size])
            self.assertAllClose(
                part["probabilities"], whole["probabilities"][:size], rtol=0, atol=1e-5
            )

    @parameterized.parameters(
        ("saved_model", ("dynamic_saved_model", "fixed_saved_model"), (0, 1, 9)),
        ("keras", ("fixed_keras",), (1, 9)),
        ("litert", ("dynamic_litert", "look_litert", "fixed_litert"), (1, 9)),
        ("onnx", ("fixed_onnx",), (0, 1, 9)),
    )
    def test_an_export_needs_its_runtime_alone(self, kind, names, sizes):
        batches, answers = self.folder / "in.npz", self.folder / "out.npz"
        np.savez(batches, **{str(size): IMAGES[:size] for size in sizes})
        done = subprocess.run(
            [sys.executable, ALONE, kind, batches, answers, *map(exported, names)],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": ""},
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        with np.load(answers) as found:
            for (number, name), size in itertools.product(enumerate(names), sizes):
                start = f"{number}/{size}/"
                answer = {k[len(start) :]: found[k] for k in found if k.startswith(start)}
                wanted = {"probabilities"} | ({"classes"} if name != "fixed_keras" else set())
                wanted |= set() if name.startswith("fixed") else {"levels", "macs"}
                self.assertEqual(set(answer), wanted)
                self.assertEqual(answer["probabilities"].shape, (size, 3))
                if size:
                    self._check(answer, name, IMAGES[:size])

    @parameterized.parameters("look_saved_model", "look_litert", "look_onnx")
    def test_a_second_look_may_be_of_no_image_and_of_all(self, name):
        for threshold, expected in ((2.0, LOOK.second), (1e-6, LOOK.first)):
            look = dataclasses.replace(LOOK, threshold=threshold)
            network = formats.inference_copy(small_network())
            network.second_looks["grey"] = SecondLookCalibration([0.5], [look], [0.5])
            folder = self.folder / str(threshold)
            export_network(network, folder, ExportOptions(**OPTIONS[name]))
            answer = LoadedExport(folder).predict(IMAGES)
            self.assertAllEqual(answer["levels"], np.tile(expected, (len(IMAGES), 1)))

    @parameterized.parameters("saved_model", "litert", "onnx")
    def test_a_selector_in_the_trunk_is_exported_whatever_the_batch(self, format):
        network = trunk_network()
        network.calibrations["grey"] = BudgetCalibration([0.2, 0.9], [1.0, -1.0])
        options = ExportOptions(format, task="grey", budget=0.5, policy="selector")
        export_network(network, self.folder / "out", options)
        loaded = LoadedExport(self.folder / "out")
        expected = network.select_levels(IMAGES, "grey", 0.5).numpy()
        for size in (1, len(IMAGES)):
            answer = loaded.predict(IMAGES[:size])
            self.assertAllEqual(answer["levels"], expected[:size])
            logits = network.estimator(IMAGES[:size], levels=expected[:size], task="grey")
            self.assertAllClose(answer["probabilities"], tf.nn.softmax(logits), atol=1e-4)

    def test_a_second_look_is_described(self):
        manifest = LoadedExport(exported("look_onnx")).manifest
        self.assertTrue(manifest["second_look"])
        self.assertEqual(
            manifest["tasks"]["grey"]["second_look"],
            {"first": [1, 0, 1], "second": [1, 2, 2], "threshold": 0.7, "temperature": 1.5},
        )

    def test_onnx_is_one_graph_without_conditions_or_changes_of_layout(self):
        graph = onnx.load(exported("dynamic_onnx") / "model.onnx").graph
        self.assertNotIn("If", {node.op_type for node in graph.node})
        # Selector and estimator take the images, channels last, by a transposition each at most.
        orders = [list(node.attribute[0].ints) for node in graph.node if node.attribute]
        self.assertLessEqual(orders.count([0, 3, 1, 2]) + orders.count([0, 2, 3, 1]), 2)

    def test_a_fixed_saved_model_has_constants_for_weights(self):
        loaded = tf.saved_model.load(exported("fixed_saved_model"))
        self.assertEmpty(loaded.signatures["serving_default"].variables)

    def test_a_fixed_model_is_standard_keras(self):
        model = keras.saving.load_model(exported("fixed_keras") / "model.keras")
        inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
        for layer in itertools.chain(model.layers, *(each.layers for each in inner)):
            self.assertStartsWith(type(layer).__module__, "keras.")

    @parameterized.parameters("dynamic_saved_model", "fixed_onnx")
    def test_a_network_of_a_short_type_is_exported_in_float32(self, name):
        config = small_network().get_config() | {"dtype": "mixed_bfloat16"}
        network = ElasticNetwork.from_config(config)
        network.set_weights(small_network().get_weights())
        network.calibrations = dict(small_network().calibrations)
        export_network(network, self.folder / "out", ExportOptions(**OPTIONS[name]))
        self._check(LoadedExport(self.folder / "out", "grey").predict(IMAGES), name, IMAGES)

    def test_a_whole_network_keeps_its_calibrations(self):
        model = keras.saving.load_model(exported("dynamic_keras") / "model.keras")
        expected = small_network().select_levels(IMAGES, "grey", 0.4)
        self.assertAllEqual(model.select_levels(IMAGES, "grey", 0.4), expected)
        self.assertEqual(set(model.calibrations), {"grey"})

    @parameterized.parameters(("float16", 0.01), ("dynamic", 0.1), ("int8", 0.3))
    def test_quantised_files_are_smaller_and_close(self, quantization, tolerance):
        representative = IMAGES if quantization == "int8" else None
        options = ExportOptions(**OPTIONS["fixed_litert"], quantization=quantization)
        found = export_network(
            small_network(),
            self.folder / "out",
            options,
            representative_images=representative,
        )
        plain = exported("fixed_litert")
        answers = [LoadedExport(f).predict(IMAGES) for f in (plain, self.folder / "out")]
        probabilities = [answer["probabilities"] for answer in answers]
        self.assertAllClose(*probabilities, atol=tolerance)
        self.assertNotAllClose(*probabilities, atol=1e-6)
        self.assertBetween(found["grey"].probabilities, 1e-6, tolerance)
        sizes = [(f / "model.tflite").stat().st_size for f in (plain, self.folder / "out")]
        self.assertLess(sizes[1], sizes[0])

    @parameterized.parameters("dynamic_saved_model", "fixed_saved_model")
    def test_bfloat16_answers_as_a_frozen_network_of_that_type(self, name):
        options = ExportOptions(**OPTIONS[name], quantization="bfloat16")
        found = export_network(small_network(), self.folder / "out", options)["grey"]
        self.assertBetween(found.probabilities, 1e-6, 0.3)
        answer = LoadedExport(self.folder / "out", "grey").predict(IMAGES)
        frozen = FrozenNetwork(small_network(), "grey", dtype="bfloat16")
        images = tf.TensorSpec((None, *IMAGES.shape[1:]), tf.uint8)
        if name == "dynamic_saved_model":
            chosen = tf.function(frozen.select_levels, [images])(IMAGES)
            self.assertGreater(np.mean(np.all(answer["levels"] == chosen, axis=1)), 0.9)
        levels = tf.TensorSpec(answer["levels"].shape, tf.int32)
        logits = tf.function(frozen.estimator, [images, levels])(IMAGES, answer["levels"])
        self.assertAllClose(answer["probabilities"], tf.nn.softmax(logits), atol=0.02)

    @parameterized.parameters("uint8", "float32")
    def test_int8_is_of_integers_throughout(self, dtype):
        options = ExportOptions(**OPTIONS["fixed_litert"], quantization="int8", input_dtype=dtype)
        folder = self.folder / "out"
        export_network(small_network(), folder, options, representative_images=IMAGES)
        interpreter = Interpreter(str(folder / "model.tflite"))
        (image,) = interpreter.get_input_details()
        self.assertEqual(image["dtype"], np.dtype(dtype))
        if dtype == "uint8":
            self.assertEqual(image["quantization"], (1.0, 0))  # Its numbers are the pixels.
        kinds = {np.dtype(each["dtype"]).kind for each in interpreter.get_tensor_details()}
        self.assertEqual("f" in kinds, dtype == "float32")
        run = interpreter.get_signature_runner("serving_default")
        self.assertEqual(run.get_output_details()["probabilities"]["dtype"], np.dtype(dtype))

    def test_a_saved_model_is_held_to_a_budget_at_each_call(self):
        loaded = LoadedExport(exported("dynamic_saved_model"), "grey")
        for budget in (0.3, 0.8):
            answer = loaded.predict(IMAGES, budget)
            levels, _ = expected_answer(IMAGES, {"budget": budget, "policy": "selector"})
            self.assertAllEqual(answer["levels"], levels)
        loaded = LoadedExport(exported("dynamic_saved_model"), "colour")
        with self.assertRaisesRegex(ValueError, "`budget` must not be given.*Received: budget=0.3"):
            loaded.check_budget(0.3)


@pytest.mark.slow
class FixedSizeTest(_InFolder):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Wide, so that weights are most of a file.
        cls.network = ElasticNetwork(TASKS, backbone="wrn-8-8", trunk_size=32)
        randomise(cls.network.estimator)

    @parameterized.parameters("saved_model", "keras", "litert", "onnx")
    def test_files_are_as_large_as_the_parameters_of_the_model(self, export_format):
        for levels in ((0, 0, 0), (3, 1, 2)):
            count = fixed_network(self.network.estimator, "grey", levels).count_params()
            output = self.folder / "-".join(map(str, levels))
            output.mkdir()
            (self.folder / "export.json").write_text("{}")
            options = ExportOptions(export_format, "grey", levels)
            formats.write_fixed(output, self.network, options, self.folder / "export.json")
            size = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
            overhead = size - 4 * count
            # Some converters fold normalisation away.
            self.assertBetween(overhead, -0.15 * 4 * count, 0.05 * 4 * count + 160_000)


class RefusalsTest(_InFolder):
    @parameterized.parameters(
        ({"format": "matlab"}, "`format` must be one of"),
        ({"budget": 1.5}, r"`budget` must be a number in \(0.0, 1.0\]"),
        ({"levels": LEVELS, "task": "grey", "budget": 0.5}, "Only one of `levels` and `budget`"),
        ({"quantization": "int8", "format": "litert", "task": "grey"}, "`quantization` must be no"),
        ({"quantization": "float16", "levels": LEVELS}, "`quantization` must be none"),
        ({"quantization": "bfloat16", "format": "onnx"}, "`quantization` must be none"),
        ({"format": "keras", "budget": 0.5}, "`budget` must not be given for a Keras file"),
        ({"format": "litert"}, "`task` must be one of grey, colour for litert"),
        ({"levels": LEVELS}, "`task` must be one of grey, colour for a fixed model"),
        ({"task": "birds"}, "`task` must be one of"),
        ({"format": "keras", "task": "grey"}, "`task` must not be given for the whole"),
        ({"budget": 0.5, "policy": "selector"}, "`budget` must be None .* as colour"),
        ({"budget": 0.5}, "no second looks set, as colour"),
        ({"policy": "blind"}, "`policy` must be one of"),
        ({"levels": (1, 0), "task": "grey"}, "`levels` must be 3 integers"),
        ({"levels": (1, 0, 3), "task": "grey"}, r"`levels` must be 3 integers in \[0, 3\)"),
        (OPTIONS["fixed_litert"] | {"quantization": "int8"}, "`representative_images` must be"),
        (OPTIONS["fixed_litert"] | {"any_image_size": True}, "`any_image_size` must be False"),
        ({"format": "keras", "any_image_size": True}, "`any_image_size` must be False"),
    )
    def test_what_does_not_go_together_leaves_nothing(self, options, fault):
        with self.assertRaisesRegex(ValueError, f"{fault}.*Received"):
            export_network(small_network(), self.folder / "out", ExportOptions(**options))
        self.assertEmpty(list(self.folder.iterdir()))

    def test_a_network_that_diverged_is_refused(self):
        bias = small_network().estimator.heads["grey"].linear.bias
        self.addCleanup(bias.assign, np.array(bias))
        bias.assign([0.0, np.inf, 0.0])
        with self.assertRaisesRegex(ValueError, "must be finite. Received: .*linear/bias with 1"):
            export_network(small_network(), self.folder / "out")
        self.assertEmpty(list(self.folder.iterdir()))

    def test_it_is_checked_on_the_images_as_they_are(self):
        images, checked = {"grey": IMAGES.astype(np.float64) * 1.5}, []
        checks = mock.patch.object(
            network_export, "check_export", side_effect=lambda *given: checked.append(given[-1])
        )
        with checks:
            options = ExportOptions(task="grey", levels=LEVELS, input_dtype="float32")
            export_network(small_network(), self.folder / "out", options, images)
            self.assertAllEqual(checked[0][: len(IMAGES)], images["grey"].astype(np.float32))
            self.assertLen(checked[0], network_export.CHECKED_IMAGES)
            options = ExportOptions(task="grey", levels=LEVELS)
            with self.assertRaisesRegex(ValueError, "`images` must have whole pixels in 0..255"):
                export_network(small_network(), self.folder / "other", options, images)

    def test_files_in_the_way_are_kept(self):
        (self.folder / "mine.txt").write_text("mine")
        with self.assertRaisesRegex(FileExistsError, "`folder` must be a new or empty folder"):
            export_network(small_network(), self.folder)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["mine.txt"])

    @parameterized.parameters(
        ("bottleneck-14-2", "dynamic_saved_model"),
        ("bottleneck-14-2", "dynamic_onnx"),
        ("mobile-11-4", "dynamic_litert"),
        ("mobile-11-4", "dynamic_onnx"),
        ("mobile-11-4", "fixed_litert"),
    )
    @pytest.mark.slow
    def test_every_kind_of_block_is_exported_and_answers_as_the_network(self, backbone, name):
        network = small_network(backbone)
        options = dict(OPTIONS[name])
        if "levels" in options:
            options["levels"] = [level % 3 for level in range(network.num_blocks)]
        # It is loaded by its own runtime and compared, or not saved.
        export_network(network, self.folder / "out", ExportOptions(**options))
        self.assertTrue((self.folder / "out").exists())

    @parameterized.parameters("dynamic_saved_model", "dynamic_litert", "look_onnx")
    def test_an_export_with_a_broken_branch_is_not_saved(self, name):
        working = FrozenBlock._branches

        def broken(block):
            branches = working(block)
            if len(branches) > 2:  # Those of the selector have no levels.
                level_1 = branches[1]
                branches[1] = lambda *inputs: 0 * level_1(*inputs)
            return branches

        breaking = mock.patch.object(FrozenBlock, "_branches", broken)
        fault = "The export of .* must answer as the network.*Received"
        with breaking, self.assertRaisesRegex(ValueError, fault):
            options = ExportOptions(**OPTIONS[name])
            export_network(small_network(), self.folder / "out", options)
        self.assertEmpty(list(self.folder.iterdir()))

    def test_a_missing_package_is_named(self):
        with mock.patch.dict(sys.modules, {"tf2onnx": None}):
            with self.assertRaisesRegex(
                ImportError, r"tf2onnx; `pip install elastic-tf\[export\]`"
            ):
                options = ExportOptions(**OPTIONS["fixed_onnx"])
                export_network(small_network(), self.folder / "out", options)
        self.assertEmpty(list(self.folder.iterdir()))
