"""Tests of the command that exports; the exports themselves are tested in elastic_tf."""

import hashlib
import pathlib
import tempfile

from elastic_tf_tools import export

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from elastic_tf.export.loaded_export import LoadedExport
from elastic_tf.export.manifest import read_manifest
from elastic_tf.files import read_json, write_json
from elastic_tf.policies.second_look import SecondLook, SecondLookCalibration
from tests.tools.commands import run_command, run_failing
from tests.tools.finished_run import copy_run, finished_run, save_run

TASK = "fashion_mnist_small"
FIXED = (f"--task={TASK}", "--levels=1-0-2")


@pytest.mark.slow
class ExportTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.output = self.folder / "new" / "out"

    def _export(self, *arguments, run=None, how=run_command):
        folders = f"--model_dir={(run or finished_run()).path}", f"--output_dir={self.output}"
        return how(export, *folders, *arguments)

    def test_a_dynamic_export_holds_all_tasks_and_where_it_comes_from(self):
        printed = self._export("--budget=0.5", "--policy=selector")
        for task in ("digits", TASK):
            self.assertRegex(
                printed,
                rf"{task}: the selector's choice at a budget of 50 % MACs; on 256 images "
                r"\(its images\) probabilities differ from the network's by \d.\de-\d\d at most",
            )
        self.assertRegex(printed, f"Saved: {self.output}, saved_model, 0?[1-9.]+ MB")
        manifest = read_manifest(self.output)
        self.assertEqual(manifest["budget"], 0.5)
        self.assertEqual(manifest["tasks"][TASK]["labels"][5], "Sandal")
        self.assertEqual(manifest["tasks"][TASK]["image"]["height"], 28)
        provenance, run = manifest["provenance"], finished_run()
        self.assertEqual(provenance["flags"], read_json(run.file))
        digest = hashlib.sha256(run.model.read_bytes()).hexdigest()
        self.assertEqual(provenance["model_sha256"], digest)
        self.assertEqual(set(provenance["calibrations"]), {"digits", TASK})
        LoadedExport(self.output, TASK).check_budget(0.3)

    def test_a_second_look_is_that_of_the_budget(self):
        run = copy_run(self.folder / "run")
        network, look = run.load_model(), SecondLook([0, 1, 0], [0, 2, 2], 0.6, 2.0)
        network.second_looks["digits"] = SecondLookCalibration([0.2], [look], [0.5])
        network.save(run.model)
        printed = self._export("--format=onnx", "--task=digits", "--budget=0.5", run=run)
        self.assertStartsWith(printed, "digits: a second look at a budget of 50 % MACs; on 256")
        (task,) = read_manifest(self.output)["tasks"].values()
        self.assertEqual(task["second_look"]["threshold"], 0.6)

    @parameterized.parameters(
        (("--levels=1-0-2",), [1, 0, 2]), (("--level=1", "--input_dtype=float32"), [1, 1, 1])
    )
    def test_a_fixed_export_is_of_the_levels_given(self, arguments, levels):
        self._export("--format=keras", f"--task={TASK}", *arguments)
        (task,) = read_manifest(self.output)["tasks"].values()
        self.assertEqual(task["levels"], levels)

    def test_the_most_used_model_is_that_of_the_results(self):
        run = copy_run(self.folder / "run")
        models = [{"levels": [2, 0, 1], "share": 0.6}, {"levels": [1, 1, 1], "share": 0.4}]
        docs = pathlib.Path(__file__).parents[2] / "docs"
        results = read_json(docs / "results" / "quickstart" / "seed_0.json")
        results[TASK]["policy"]["top_models"] = models
        write_json(run.results, results)
        self._export("--format=keras", f"--task={TASK}", "--levels=most_used", run=run)
        manifest = read_manifest(self.output)
        self.assertEqual(manifest["tasks"][TASK]["levels"], [2, 0, 1])
        self.assertEqual(manifest["provenance"]["results"], read_json(run.results))

    def test_int8_is_measured_on_the_tasks_images(self):
        self._export("--format=litert", *FIXED, "--quantization=int8", "--representative_images=50")
        self.assertEqual(read_manifest(self.output)["quantization"], "int8")

    def test_images_may_have_any_size(self):
        self._export("--format=onnx", *FIXED, "--any_image_size")
        self.assertTrue(read_manifest(self.output)["any_image_size"])
        answer = LoadedExport(self.output).predict(np.zeros((2, 40, 56, 1), np.uint8))
        self.assertEqual(answer["classes"].shape, (2,))

    @parameterized.parameters(
        ("`task` must be one of digits, fashion_mnist_small for litert", "--format=litert"),
        ("`task` must be one of .*Received: task=birds", "--task=birds", "--levels=most_used"),
        ("`--levels` must be 3 numbers", f"--task={TASK}", "--levels=1-2"),
        ("`--levels=most_used` needs the results.json", "--levels=most_used"),
        ("Only one of `--levels`, `--level` and `--budget`", *FIXED, "--level=1"),
        ("`--representative_images` must not be given", "--representative_images=50"),
        ("`any_image_size` must be False", "--format=litert", *FIXED, "--any_image_size"),
        ("`--tasks` must be of digits, .*Received: mnist", "--tasks=mnist"),
        ("`--model_dir` must be the output directory", "--model_dir=/nowhere"),
        ("Arguments must be flags", "digits"),
    )
    def test_wrong_flags_are_refused_and_leave_nothing(self, message, *arguments):
        error = self._export(*arguments, how=run_failing)
        self.assertRegex(error, f"^error: {message}")
        self.assertIn("Received", error)
        self.assertFalse(self.output.parent.exists())

    def test_files_in_the_way_are_kept(self):
        self.output.mkdir(parents=True)
        (self.output / "mine.txt").write_text("mine")
        error = self._export(how=run_failing)
        self.assertIn("`output_dir` must be a new or empty folder", error)
        self.assertEqual([path.name for path in self.output.iterdir()], ["mine.txt"])


@pytest.mark.slow
class OwnImagesTest(tf.test.TestCase):
    """A network of two tasks, one of the user's own images, which have moved since training."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        generator = np.random.default_rng(0)
        for label in ("cats", "dogs"):
            folder = cls.folder / "before" / label
            folder.mkdir(parents=True)
            for number in range(12):
                pixels = generator.integers(0, 256, (9, 12), np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
        cls.run_folder = save_run(cls.folder / "run", (*cls._mine("before"), TASK))
        (cls.folder / "before").rename(cls.folder / "now")

    @classmethod
    def _mine(cls, folder, channels=1):
        options = "image_size=8", f"channels={channels}", "fit=stretch"
        return (f"mine:folder={cls.folder / folder}", *options)

    def _export(self, name, *arguments, how=run_command, tasks=()):
        folders = f"--model_dir={self.run_folder.path}", f"--output_dir={self.folder / name}"
        tasks = [f"--tasks={','.join(tasks)}"] if tasks else []
        return how(export, *folders, "--format=keras", *tasks, *arguments)

    def test_preprocessing_and_the_other_tasks_labels_are_kept(self):
        printed = self._export("missing")
        self.assertIn("classes of mine have numbers for names", printed)
        self.assertRegex(printed, r"mine: .* on 256 images \(noise\)")
        self.assertRegex(printed, rf"{TASK}: .* on 256 images \(its images\)")
        tasks = read_manifest(self.folder / "missing")["tasks"]
        self.assertEqual(tasks["mine"]["labels"], ["0", "1"])
        self.assertEqual(tasks["mine"]["image"]["fit"], "stretch")
        self.assertEqual(tasks[TASK]["labels"][5], "Sandal")
        self.assertEqual(tasks[TASK]["image"]["fit"], "crop")

    def test_tasks_says_where_they_are_now(self):
        self._export("moved", "--task=mine", "--level=1", tasks=self._mine("now"))
        (mine,) = read_manifest(self.folder / "moved")["tasks"].values()
        self.assertEqual(mine["labels"], ["cats", "dogs"])

    def test_other_images_are_refused(self):
        error = self._export("other", how=run_failing, tasks=self._mine("now", channels=3))
        self.assertRegex(error, r"`tasks` must give for 'mine' images \(8, 8, 1\).*Received")

    def test_int8_needs_images(self):
        arguments = "--format=litert", "--level=1", "--quantization=int8", "--task=mine"
        error = self._export("int8", *arguments, how=run_failing)
        self.assertRegex(error, "`--quantization` must not be int8 without images.*--tasks")
