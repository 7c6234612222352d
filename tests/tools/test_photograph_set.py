"""A tfds data set of photographs is prepared, trained on and tested with nothing but flags."""

import pathlib
import tempfile

from elastic_tf_tools import evaluate, prepare_data, train

import tensorflow as tf

from elastic_tf.files import read_json
from tests.pipelines.photograph_set import SmallPhotographs
from tests.tools.commands import run_command, run_failing
from tests.tools.test_own_data import TINY


class PhotographSetTest(tf.test.TestCase):
    def test_it_is_prepared_trained_on_and_tested(self):
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        flags = [
            f"--tasks=mine:tfds={SmallPhotographs.name},image_size=8,augment=resized",
            f"--data_dir={folder / 'data'}",
            *TINY,
        ]
        first, second = (f"--output_dir={folder / name}" for name in ("first", "second"))
        line = run_failing(train, *flags, first)
        self.assertRegex(line, "^error: `tasks` must be valid for 'mine': `tfds` must be prepared")
        prepare = (f"--tfds={SmallPhotographs.name}", f"--manual_dir={folder}", flags[1])
        printed = run_command(prepare_data, *prepare)
        self.assertIn("24 train, 7 validation images in", printed)
        self.assertIn("had been prepared before", run_command(prepare_data, *prepare))
        run_command(train, *flags, first)
        run_command(train, *flags, second, "--until_step=2")
        self.assertLen(list((folder / "second" / "indexes").iterdir()), 1)
        run_command(train, *flags, second)
        results = [read_json(folder / name / "results.json") for name in ("first", "second")]
        self.assertEqual(*results)
        self.assertEqual(results[0]["mine"]["num_images"], 7)
        self.assertIn("mine", run_command(evaluate, f"--model_dir={folder / 'first'}"))
