import json
import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver
from elastic_tf_tools.run_directory import RunDirectory, read_json
from PIL import Image

from elastic_tf.training.callbacks import save_atomically
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from tests.tools.commands import run_failing, run_main
from tests.tools.exporting.export_main import export_main

TASK = "fashion_mnist_small"


def setUpModule():
    flags.FLAGS.mark_as_parsed()


class ExportTasksTest(tf.test.TestCase):
    """An export of a network of two tasks, one of the user's own images, which are elsewhere."""

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self._write_images("now")
        before = self.folder / "before"
        own = [f"mine:folder={before}", "image_size=8", "channels=1", "fit=stretch"]
        self.run_directory = RunDirectory(self.folder / "run")
        self.run_directory.claim({"tasks": [*own, TASK], "validation_share": 0.1})
        tasks = {
            "mine": {"image_shape": (8, 8, 1), "num_classes": 2},
            TASK: {"image_shape": (28, 28, 1), "num_classes": 10},
        }
        network = DeepElasticNetwork(tasks, backbone="wrn-8-1", trunk_size=4)
        save_atomically(network, self.run_directory.model)

    def _write_images(self, name):
        generator = np.random.default_rng(0)
        for label in ("cats", "dogs"):
            folder = self.folder / name / label
            folder.mkdir(parents=True)
            for number in range(12):
                pixels = generator.integers(0, 256, (9, 12), np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")

    def _export(self, how=run_main, tasks=None, **values):
        options = {"output_dir": self.folder / "out", "format": "keras"} | values
        with flagsaver.flagsaver():
            if tasks is not None:
                flags.FLAGS["tasks"].using_default_value = False
                flags.FLAGS.tasks = tasks
            return export_main(self.run_directory, how=how, **options)

    def _tasks_of_export(self):
        return read_json(self.folder / "out" / "export.json")["tasks"]

    def test_preprocessing_and_the_other_tasks_labels_are_kept(self):
        printed = self._export()
        self.assertIn("classes of mine have numbers for names", printed)
        tasks = self._tasks_of_export()
        self.assertEqual(tasks["mine"]["image"]["fit"], "stretch")
        self.assertEqual(tasks["mine"]["labels"], ["0", "1"])
        self.assertEqual(tasks[TASK]["image"]["fit"], "crop")
        self.assertEqual(tasks[TASK]["labels"][5], "Sandal")
        self.assertRegex(printed, r"mine: .* on 256 images \(noise\)")
        self.assertRegex(printed, rf"{TASK}: .* on 256 images \(its images\)")

    def test_tasks_says_where_they_are_now(self):
        now = [f"mine:folder={self.folder / 'now'}", "image_size=8", "channels=1", "fit=stretch"]
        self._export(tasks=now)
        tasks = self._tasks_of_export()
        self.assertEqual(tasks["mine"]["labels"], ["cats", "dogs"])
        self.assertEqual(tasks[TASK]["labels"][5], "Sandal")

    def test_other_images_are_refused(self):
        now = [f"mine:folder={self.folder / 'now'}", "image_size=8", "channels=3"]
        error = self._export(run_failing, now)
        self.assertRegex(error, r"`--tasks` must give for 'mine' images \(8, 8, 1\).*Received")
        error = self._export(run_failing, ["digits"])
        self.assertRegex(error, f"`--tasks` must be of mine, {TASK}.*Received: digits")

    def test_a_task_that_is_described_nowhere_is_refused(self):
        run_file = self.run_directory.path / "run.json"
        run_file.write_text(json.dumps(read_json(run_file) | {"tasks": [TASK]}))
        error = self._export(run_failing)
        self.assertRegex(error, "`--tasks` must say what the images of 'mine' are.*Received")

    def test_int8_needs_images(self):
        values = {"format": "litert", "level": 1, "quantization": "int8", "task": "mine"}
        error = self._export(run_failing, **values)
        self.assertRegex(error, "`--quantization` must not be int8 without images.*--tasks")


if __name__ == "__main__":
    tf.test.main()
