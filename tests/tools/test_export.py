import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl import flags
from absl.testing import parameterized
from ai_edge_litert.interpreter import Interpreter
from elastic_tf_tools import calibrate, export
from elastic_tf_tools.calibration_file import read_calibrations
from elastic_tf_tools.evaluate import load_model
from elastic_tf_tools.run_directory import RunDirectory, read_json

import pipelines
from elastic_tf.export.loaded_export import LoadedExport
from elastic_tf.inference.frozen_blocks import FrozenResidualBlock
from elastic_tf.policies.model_choice import ModelChoice
from tests.tools.commands import run_failing, run_main
from tests.tools.exporting.export_main import export_main
from tests.tools.trained_run import TASKS, train_run

TASK = "fashion_mnist_small"
LEVELS = (1, 0, 2)
# Options of --format, and the choice that an export with them has to agree with.
EXPORTS = {
    "dynamic_saved_model": ({"format": "saved_model"}, ModelChoice()),
    "dynamic_keras": ({"format": "keras"}, ModelChoice()),
    "dynamic_litert": ({"format": "litert", "task": TASK}, ModelChoice()),
    "dynamic_onnx": ({"format": "onnx", "task": TASK}, ModelChoice()),
    "budget_saved_model": ({"format": "saved_model", "budget": 0.5}, ModelChoice(budget=0.5)),
    "budget_litert": ({"format": "litert", "task": TASK, "budget": 0.5}, ModelChoice(budget=0.5)),
    "float_onnx": ({"format": "onnx", "task": TASK, "input_dtype": "float32"}, ModelChoice()),
    **{
        f"fixed_{name}": ({"format": name, "task": TASK, "levels": "1-0-2"}, ModelChoice(LEVELS))
        for name in export.FORMATS
    },
    "level_keras": ({"format": "keras", "task": TASK, "level": 1}, ModelChoice((1, 1, 1))),
}
ALONE = pathlib.Path(__file__).parent / "exporting" / "run_alone.py"


def setUpModule():
    flags.FLAGS.mark_as_parsed()


class ExportTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        train_run(cls.folder / "run")
        cls.run_directory = RunDirectory(cls.folder / "run")
        run_main(calibrate.main, model_dir=str(cls.run_directory.path))
        cls.network = load_model(cls.run_directory)
        cls.network.calibrations = read_calibrations(cls.run_directory.calibration, TASKS)
        batches = pipelines.eval_dataset(pipelines.get_task(TASK), "test", 40)
        cls.images = next(iter(batches))[0].numpy()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    def _export(self, name):
        """Returns the folder of an export, which is made once."""
        folder = self.folder / name
        if not folder.exists():
            export_main(self.run_directory, folder, **EXPORTS[name][0])
        return folder

    def _check(self, answer, choice, images=None):
        images = self.images if images is None else images
        levels = choice.of(self.network, TASK)(images)
        logits = self.network.estimator(images, levels=levels, task=TASK)
        self.assertAllEqual(answer["levels"], levels)
        self.assertAllClose(answer["probabilities"], tf.nn.softmax(logits), rtol=0, atol=1e-5)
        self.assertAllEqual(answer["classes"], tf.argmax(logits, -1))

    @parameterized.parameters(*EXPORTS)
    def test_every_export_answers_as_the_network(self, name):
        loaded = LoadedExport(self._export(name), TASK)
        images = self.images.astype(loaded.manifest["input_dtype"])
        self._check(loaded.predict(images), EXPORTS[name][1])

    @parameterized.parameters(*EXPORTS)
    def test_an_images_answer_does_not_depend_on_its_batch(self, name):
        loaded = LoadedExport(self._export(name), TASK)
        images = self.images.astype(loaded.manifest["input_dtype"])
        whole = loaded.predict(images)
        sizes = (1, 4, 9) if "litert" in name else (0, 1, 4, 9)  # LiteRT runs no empty batch.
        for size in sizes:
            part = loaded.predict(images[:size])
            self.assertEqual(part["probabilities"].shape, (size, 10))
            self.assertEqual(part["levels"].shape, (size, 3))
            self.assertAllEqual(part["levels"], whole["levels"][:size])
            self.assertAllClose(
                part["probabilities"], whole["probabilities"][:size], rtol=0, atol=1e-5
            )

    @parameterized.parameters(
        ("saved_model", ("dynamic_saved_model", "fixed_saved_model"), (0, 1, 9)),
        ("keras", ("fixed_keras",), (1, 9)),
        ("litert", ("dynamic_litert", "fixed_litert"), (1, 4, 9)),
        ("onnx", ("dynamic_onnx", "fixed_onnx"), (0, 1, 9)),
    )
    def test_every_export_needs_its_runtime_alone(self, kind, names, sizes):
        batches, answers = self.folder / f"{kind}_in.npz", self.folder / f"{kind}_out.npz"
        np.savez(batches, **{str(size): self.images[:size] for size in sizes})
        folders = [self._export(name) for name in names]
        done = subprocess.run(
            [sys.executable, ALONE, kind, batches, answers, *folders],
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
                self._check_alone(answer, name, self.images[:size])

    def _check_alone(self, answer, name, images):
        """Checks that outputs have our names and are the network's."""
        wanted = {"probabilities"} | ({"classes"} if name != "fixed_keras" else set())
        wanted |= {"levels", "macs"} if name.startswith("dynamic") else set()
        self.assertEqual(set(answer), wanted)
        choice = EXPORTS[name][1]
        answer.setdefault("levels", np.tile(np.array(LEVELS, np.int32), (len(images), 1)))
        answer.setdefault("classes", answer["probabilities"].argmax(-1))
        self.assertEqual(answer["probabilities"].shape, (len(images), 10))
        if len(images):
            self._check(answer, choice, images)

    def test_a_saved_model_is_held_to_a_budget_at_each_call(self):
        loaded = LoadedExport(self._export("dynamic_saved_model"), TASK)
        for budget in (0.3, 0.8):
            self._check(loaded.predict(self.images, budget), ModelChoice(budget=budget))

    def test_a_fixed_model_is_standard_keras_and_smaller(self):
        for name in ("fixed_keras", "level_keras"):
            model = keras.saving.load_model(self._export(name) / "model.keras")
            for layer in model._flatten_layers():
                self.assertStartsWith(type(layer).__module__, "keras.")
            self.assertLess(model.count_params(), 0.8 * self.network.estimator.count_params())

    def test_labels_preprocessing_and_provenance_travel_along(self):
        for name, place in (("dynamic_saved_model", "assets"), ("fixed_onnx", "")):
            manifest = read_json(self._export(name) / place / "export.json")
            of_task = manifest["tasks"][TASK]
            self.assertEqual(of_task["labels"][5], "Sandal")
            self.assertEqual(of_task["image"]["height"], 28)
            self.assertEqual(of_task["full_macs"], self.network.cost_table(TASK).full_macs)
            provenance = manifest["provenance"]
            self.assertEqual(provenance["flags"], self.run_directory.read_flags())
            self.assertEqual(provenance["results"], read_json(self.run_directory.results))

    def test_the_most_used_model_is_that_of_the_results(self):
        folder = self.folder / "most_used"
        export_main(self.run_directory, folder, format="keras", task=TASK, levels=export.MOST_USED)
        top = read_json(self.run_directory.results)[TASK]["policy"]["top_models"][0]
        manifest = read_json(folder / "export.json")
        self.assertEqual(manifest["tasks"][TASK]["levels"], top["levels"])

    def test_quantised_files_are_smaller_and_close(self):
        plain = LoadedExport(self._export("fixed_litert"), TASK).predict(self.images)
        size = (self._export("fixed_litert") / "model.tflite").stat().st_size
        for quantization, tolerance in (("float16", 0.01), ("dynamic", 0.1), ("int8", 0.3)):
            folder = self.folder / quantization
            values = {"quantization": quantization}
            if quantization == "int8":
                values["representative_images"] = 50
            export_main(self.run_directory, folder, **EXPORTS["fixed_litert"][0] | values)
            found = LoadedExport(folder).predict(self.images)
            self.assertAllClose(found["probabilities"], plain["probabilities"], atol=tolerance)
            self.assertNotAllClose(found["probabilities"], plain["probabilities"], atol=1e-6)
            self.assertLess((folder / "model.tflite").stat().st_size, size)

    @parameterized.parameters(("uint8", "uint8"), ("float32", "float32"))
    def test_int8_is_of_integers_throughout(self, input_dtype, expected):
        folder = self.folder / f"integers_{input_dtype}"
        values = {"quantization": "int8", "input_dtype": input_dtype}
        export_main(self.run_directory, folder, **EXPORTS["fixed_litert"][0] | values)
        interpreter = Interpreter(str(folder / "model.tflite"))
        (image,) = interpreter.get_input_details()
        self.assertEqual(image["dtype"], np.dtype(expected))
        if input_dtype == "uint8":
            self.assertEqual(image["quantization"], (1.0, 0))  # Its numbers are the pixels.
        dtypes = {np.dtype(each["dtype"]).kind for each in interpreter.get_tensor_details()}
        self.assertEqual("f" in dtypes, input_dtype == "float32")
        run = interpreter.get_signature_runner("serving_default")
        details = run.get_output_details()["probabilities"]
        self.assertEqual(details["dtype"], np.dtype(expected))

    @parameterized.parameters(
        ("`--task` must be one of digits, fashion_mnist_small for litert", {"format": "litert"}),
        ("`--task` must be one of .* for a fixed model", {"level": 1}),
        ("`--task` must be one of .*Received: task=birds", {"task": "birds"}),
        ("`--task` must not be given for the whole", {"format": "keras", "task": TASK}),
        ("`--levels` must be 3 numbers", {"task": TASK, "levels": "1-2"}),
        ("`--levels` must be in \\[0, 3\\)", {"task": TASK, "levels": "1-2-3"}),
        ("`--level` must be in \\[0, 3\\)", {"task": TASK, "level": 3}),
        ("Only one of", {"task": TASK, "level": 1, "levels": "1-1-1"}),
        ("Only one of", {"task": TASK, "budget": 0.5, "levels": "most_used"}),
        (
            "`--quantization` must be none",
            {"task": TASK, "format": "litert", "quantization": "int8"},
        ),
        ("`--quantization` must be none", {"task": TASK, "level": 0, "quantization": "float16"}),
        ("`--representative_images` must not be given", {"representative_images": 50}),
        ("`--budget` must not be given for a .keras", {"format": "keras", "budget": 0.5}),
        ("`--model_dir` must be", {"model_dir": "/nonexistent/run"}),
    )
    def test_wrong_flags_are_refused_and_leave_nothing(self, message, values):
        folder = self.folder / "refused" / "output"
        error = export_main(self.run_directory, folder, run_failing, **values)
        self.assertRegex(error, f"^error: {message}")
        self.assertIn("Received", error)
        self.assertFalse(folder.parent.exists())

    def test_a_failure_midway_leaves_nothing(self):
        folder = self.folder / "midway" / "output"
        failing = mock.patch.object(export, "_check", side_effect=RuntimeError("differs"))
        with failing, self.assertRaisesRegex(RuntimeError, "differs"):
            export_main(self.run_directory, folder, **EXPORTS["fixed_keras"][0])
        self.assertEmpty(list(folder.parent.iterdir()))

    def test_files_in_the_way_are_kept(self):
        folder = self.folder / "taken"
        folder.mkdir()
        (folder / "mine.txt").write_text("mine")
        error = export_main(self.run_directory, folder, run_failing)
        self.assertIn("`--output_dir` must be a new or empty folder", error)
        self.assertEqual([path.name for path in folder.iterdir()], ["mine.txt"])

    @parameterized.parameters("dynamic_saved_model", "dynamic_litert")
    def test_an_export_with_a_broken_branch_is_not_saved(self, name):
        folder = self.folder / f"broken_{name}" / "output"
        working = FrozenResidualBlock._branch

        def broken(block, convs):
            branch = working(block, convs)
            # Level 1 of the estimator's blocks; those of the selector have no levels.
            is_level_1 = convs[1].shape[-1] == block.block.channels_per_level[1]
            if len(block.block.channels_per_level) == 2 or not is_level_1:
                return branch
            return lambda *inputs: 0 * branch(*inputs)

        with mock.patch.object(FrozenResidualBlock, "_branch", broken):
            error = export_main(self.run_directory, folder, run_failing, **EXPORTS[name][0])
        self.assertRegex(error, "^error: The export of .* must answer as the network.*Received")
        self.assertEmpty(list(folder.parent.iterdir()))

    def test_a_task_without_calibration_takes_no_budget_and_stops_nothing(self):
        copy = self.folder / "partial"
        shutil.copytree(self.run_directory.path, copy)
        calibration = copy / "calibration.json"
        calibration.write_text(json.dumps({"digits": read_json(calibration)["digits"]}))
        folder = self.folder / "partly_calibrated"
        printed = export_main(RunDirectory(copy), folder)
        self.assertIn(f"{TASK} takes no budget", printed)
        LoadedExport(folder, "digits").check_budget(0.5)
        with self.assertRaisesRegex(ValueError, "`--budget` must not be given"):
            LoadedExport(folder, TASK).check_budget(0.5)


if __name__ == "__main__":
    tf.test.main()
