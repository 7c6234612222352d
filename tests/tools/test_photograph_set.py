"""A tfds data set of photographs is prepared, trained on and tested with nothing but flags."""

import pathlib
import tempfile
from unittest import mock

from elastic_tf_tools import prepare_data, train

import pytest
import tensorflow as tf

from elastic_tf.files import read_json
from pipelines.sources.tfds_index import TfdsIndex
from tests.pipelines.photograph_set import SmallPhotographs
from tests.tools.commands import run_command, run_failing
from tests.tools.test_own_data import TINY


@pytest.mark.slow
class PhotographSetTest(tf.test.TestCase):
    def test_it_is_prepared_trained_on_and_tested(self):
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        flags = [
            f"--tasks=mine:tfds={SmallPhotographs.name},image_size=8,augment=resized",
            f"--data_dir={folder / 'data'}",
            *TINY,
        ]
        flags.append(f"--output_dir={folder / 'run'}")
        line = run_failing(train, *flags)
        self.assertRegex(line, "^error: `tasks` must be valid for 'mine': `tfds` must be prepared")
        prepare = (f"--tfds={SmallPhotographs.name}", f"--manual_dir={folder}", flags[1])
        printed = run_command(prepare_data, *prepare)
        self.assertIn("24 train, 7 validation images in", printed)
        self.assertIn("had been prepared before", run_command(prepare_data, *prepare))
        run_command(train, *flags, "--until_step=1")
        self.assertLen(list((folder / "run" / "indexes").iterdir()), 1)
        with mock.patch.object(TfdsIndex, "examine", side_effect=AssertionError):
            printed = run_command(train, *flags)
        self.assertIn(f"mine: 3 classes of {SmallPhotographs.name}", printed)
        results = read_json(folder / "run" / "results.json")
        self.assertEqual(results["mine"]["num_images"], 7)
