import json
import pathlib
import shutil
import tempfile
from unittest import mock

from elastic_tf_tools import benchmark, export
from elastic_tf_tools.benchmark_exports import (
    Variant,
    export_variants,
    format_exports,
    front_models,
    make_exports,
    python_model,
    quality,
    size_in_bytes,
)

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.export.loaded_export import LoadedExport
from elastic_tf.files import read_json, write_json
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.policies.second_look import SecondLook, SecondLookCalibration
from tests.elastic_tf.export.small_exports import described_task
from tests.testing import TASKS, random_images, randomise
from tests.tools.commands import run_command, run_failing
from tests.tools.finished_run import copy_run, finished_run, save_run
from tests.tools.stub_training import test_figures as run_figures

FIXED = ("--models=1", "--formats=saved_model,litert", "--quantizations=float16")
QUICK = ("--batch_sizes=1,3", "--seconds_per_group=0", "--min_rounds=2")


@pytest.mark.slow
class CompareExportsTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.printed = cls._compare()

    @classmethod
    def _compare(cls, *arguments, how=run_command, run=None, folder=None):
        return how(
            benchmark,
            f"--model_dir={(run or finished_run()).path}",
            f"--exports={folder or cls.folder / 'exports'}",
            *QUICK,
            *FIXED,
            *arguments,
        )

    def test_exports_are_made_and_compared(self):
        self.assertIn("[3/3] 1_litert_float16", self.printed)
        figures = read_json(self.folder / "exports" / "comparison.json")
        self.assertEqual(figures["settings"]["task"], "digits")
        python, saved_model, litert, float16 = figures["rows"]
        self.assertEqual((python["model"], python["format"]), ("dynamic", "Python"))
        self.assertEqual(set(python["time_ratios"].values()), {1.0})
        self.assertEqual((litert["format"], litert["quantization"]), ("litert", "none"))
        for name in ("accuracy", "macs_share"):  # The same model, whatever it runs on.
            self.assertAllClose(saved_model[name], litert[name], atol=2 / 600)
        self.assertLess(float16["megabytes"], litert["megabytes"])
        self.assertEqual(set(float16["time_ratios"]), {"1", "3"})

    def test_budgets_the_front_and_other_runs_stand_in_one_picture(self):
        run = copy_run(self.folder / "run")
        network, look = run.load_model(), SecondLook([0, 1, 0], [0, 2, 2], 0.6)
        network.second_looks["digits"] = SecondLookCalibration([0.2], [look], [0.5])
        network.save(run.model)
        figures = run_figures(0.5) | {"front": {"corners": [{"levels": [0, 1, 0]}]}}
        figures["accuracy"]["front"] = 0.5
        write_json(run.results, {"digits": figures})
        folder, other = self.folder / "picture", self.folder / "namesake" / finished_run().path.name
        other.parent.mkdir()
        other.symlink_to(finished_run().path)  # Of the same name.
        self._compare(
            "--models=front,selector@0.5,second_look@0.5",
            "--formats=litert",
            f"--beside={finished_run().path},{other}",
            "--quantizations=none",
            run=run,
            folder=folder,
        )
        *rows, last = read_json(folder / "comparison.json")["rows"][1:]
        self.assertEqual(
            [(row["run"], row["model"], row["kind"]) for row in rows],
            [
                ("", "0-1-0", "fixed"),
                ("", "selector@0.5", "selector"),
                ("", "second_look@0.5", "second_look"),
                (f"{finished_run().path.parent.name}_{other.name}", "full", "fixed"),
            ],
        )
        self.assertEqual(last["run"], f"{other.parent.name}_{other.name}")
        self.assertEqual(rows[-1]["macs_share"], 1)
        png = (folder / "comparison.png").read_bytes()
        self.assertAllGreater(tf.io.decode_png(png).shape[:2], 300)

    @parameterized.parameters(
        (("--beside=a/x,a/x",), "`--beside` must hold one or more, each once"),
        (("--beside=a/x,a/../a/x",), "`--beside` must hold one or more, each once"),
        (("--models=front",), "`--models=front` needs the results.json of a finished run"),
    )
    def test_what_is_not_there_is_one_line(self, arguments, fault):
        error = self._compare(*arguments, how=run_failing, folder=self.folder / "none")
        self.assertIn(fault, error)

    def test_damaged_results_are_one_line(self):
        run = copy_run(self.folder / "damaged_run")
        run.results.write_text('{"digits": {}}')
        error = self._compare("--models=front", how=run_failing, run=run, folder=self.folder / "x")
        self.assertRegex(error, "^error: .*results.json must hold the figures that were written")

    def test_a_run_of_other_images_is_refused(self):
        run = save_run(self.folder / "clothes", tasks=("fashion_mnist_small",))
        error = self._compare(f"--beside={run.path}", how=run_failing)
        self.assertRegex(error, "`--beside` must hold runs of 'digits' with images.*with None$")

    def test_exports_of_the_same_model_are_made_once(self):
        again = mock.patch.object(export, "main", side_effect=AssertionError("made again"))
        works = LoadedExport.predict
        with again, mock.patch.object(LoadedExport, "predict", autospec=True) as predict:
            predict.side_effect = works
            printed = self._compare()
        self.assertIn((self.folder / "exports" / "comparison.md").read_text(), printed)
        # Tested on batches whose memory every runtime can keep: 600 images, three to be timed.
        self.assertEqual(max(len(call.args[1]) for call in predict.call_args_list), 32)

    def test_exports_of_another_model_are_refused(self):
        other = save_run(self.folder / "other", tasks=("digits",), is_calibrated=False)
        error = self._compare(how=run_failing, run=other)
        self.assertRegex(error, "`--exports` must be new.*another model$")

    def test_damaged_exports_are_one_line(self):
        damaged = self.folder / "damaged"
        shutil.copytree(self.folder / "exports" / "1_litert", damaged / "1_litert")
        (damaged / "1_litert" / "model.tflite").write_bytes(b"damaged")
        few = ("--formats=litert", "--quantizations=none")
        error = self._compare(*few, how=run_failing, folder=damaged)
        self.assertRegex(error, "must be a whole export of litert.*Received")

    def test_a_failed_export_is_one_line(self):
        error = self._compare("--models=1-2", how=run_failing, folder=self.folder / "new")
        self.assertIn("`--levels` must be 3 numbers", error)

    def test_flags_of_other_measurements_are_refused(self):
        error = self._compare("--measure=input", how=run_failing)
        self.assertIn("`--measure` must be left out with --exports", error)


class VariantsTest(tf.test.TestCase):
    def test_models_are_said_as_export_takes_them(self):
        expected = {
            "dynamic": ["--task=digits"],
            "1": ["--task=digits", "--level=1"],
            "3-0-1": ["--task=digits", "--levels=3-0-1"],
            "most_used": ["--task=digits", "--levels=most_used"],
            "full": ["--task=digits", "--level=4"],
            "selector@0.4": ["--task=digits", "--budget=0.4", "--policy=selector"],
            "second_look@0.4": ["--task=digits", "--budget=0.4", "--policy=second_look"],
        }
        for variant in export_variants(expected, ["onnx"], []):
            flags = ["--format=onnx", "--quantization=none", *expected[variant.model]]
            self.assertEqual(variant.flags("digits", num_levels=5), flags)
        whole = Variant("dynamic", "keras", "none").flags("digits", 5)
        self.assertEqual(whole, ["--format=keras", "--quantization=none"])

    def test_a_keras_file_keeps_to_no_budget(self):
        variants = export_variants(["second_look@0.4", "dynamic"], ["keras", "onnx"], [])
        names = ["second_look@0.4_onnx", "dynamic_keras", "dynamic_onnx"]
        self.assertEqual([variant.name for variant in variants], names)

    def test_the_front_is_that_of_the_results(self):
        corners = [{"levels": [0, 1, 0]}, {"levels": [2, 2, 2]}]
        self.assertEqual(front_models({"front": {"corners": corners}}), ["0-1-0", "2-2-2"])
        with self.assertRaisesRegex(ValueError, "`--models` must not hold front without.*Received"):
            front_models({})

    def test_only_fixed_litert_is_quantised(self):
        variants = export_variants(["dynamic", "1"], ["litert", "onnx"], ["float16", "int8"])
        names = ["dynamic_litert", "dynamic_onnx", "1_litert"]
        names += ["1_litert_float16", "1_litert_int8", "1_onnx"]
        self.assertEqual([variant.name for variant in variants], names)


class EarlierExportTest(tf.test.TestCase, parameterized.TestCase):
    MANIFEST = {
        "format": "litert",
        "quantization": "int8",
        "dynamic": False,
        "budget": None,
        "input_dtype": "uint8",
        "tasks": {"digits": described_task(7)},
        "provenance": {"model_sha256": "abc"},
    }

    def _make(self, text):
        with tempfile.TemporaryDirectory() as name:
            variant = Variant("1", "litert", "int8")
            folder = pathlib.Path(name) / variant.name
            folder.mkdir()
            (folder / "export.json").write_text(text)
            make_exports(pathlib.Path(name), [variant], "digits", None, "abc", [])

    def test_the_same_export_is_loaded(self):
        with self.assertRaisesRegex(ValueError, "must be a whole export"):  # There is no model.
            self._make(json.dumps(self.MANIFEST))

    @parameterized.parameters(
        ("another model", {"provenance": {"model_sha256": "abd"}}),
        ("another model", {"provenance": None}),
        ("another task", {"tasks": {"birds": described_task(7)}}),
        ("another format", {"format": "onnx"}),
        ("another quantization", {"quantization": "none"}),
        ("another dynamic, budget", {"dynamic": True, "budget": 0.5}),
        ("another second look", {"second_look": True}),
    )
    def test_another_is_refused(self, what, values):
        with self.assertRaisesRegex(ValueError, f"`--exports` must be new.*an export with {what}$"):
            self._make(json.dumps(self.MANIFEST | values))

    @parameterized.parameters("{}", "no JSON")
    def test_what_is_no_export_is_refused(self, text):
        with self.assertRaisesRegex(ValueError, "`--exports` must .*Received: .*, no export"):
            self._make(text)


class FiguresTest(tf.test.TestCase):
    def test_the_python_model_answers_as_the_network(self):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)
        randomise(network)
        images = random_images("grey", 5)
        answer = python_model(network, "grey")(images)
        expected = network(images, task="grey", return_levels=True)
        self.assertAllEqual(answer["levels"], expected["levels"])
        self.assertAllEqual(answer["classes"], np.argmax(expected["logits"], -1))

    def test_the_manifest_does_not_count(self):
        folder = pathlib.Path(self.get_temp_dir())
        (folder / "assets").mkdir()
        (folder / "model").write_bytes(b"x" * 70)
        (folder / "assets" / "more").write_bytes(b"x" * 5)
        (folder / "assets" / "export.json").write_bytes(b"x" * 1000)
        self.assertEqual(size_in_bytes(folder), 75)

    def test_quality_is_the_mean_over_images_not_batches(self):
        answers = iter(
            [
                {"classes": np.array([1, 2, 3]), "macs": np.array([10, 20, 30])},
                {"classes": np.array([4]), "macs": np.array([100])},
            ]
        )
        batches = [(None, np.array([1, 0, 3])), (None, np.array([0]))]
        found = quality(lambda images: next(answers), batches, full_macs=200)
        self.assertAllClose(found, {"accuracy": 2 / 4, "macs_share": 160 / 4 / 200})

    def test_the_table_has_a_line_for_each_row(self):
        row = {"run": "", "model": "full", "runtime": "litert, int8", "megabytes": 0.317}
        row |= {"accuracy": 0.8641, "macs_share": 1.0, "time_ratios": {1: 0.131, 64: 0.378}}
        other = {"runtime": "Python", "megabytes": None}
        beside = {"run": "narrow", "runtime": "onnx"}
        lines = format_exports([row, row | other, row | beside]).splitlines()
        self.assertEqual(
            [" ".join(line.replace("|", " ").split()) for line in lines if "---" not in line],
            [
                "model format MB accuracy % MACs % time, batch 1 time, batch 64",
                "full litert, int8 0.32 86.4 100.0 0.13 0.38",
                "full Python 86.4 100.0 0.13 0.38",
                "narrow full onnx 0.32 86.4 100.0 0.13 0.38",
            ],
        )
