import os
import pathlib
from unittest import mock

import tensorflow as tf

from pipelines.sources.default_data_dir import resolve_data_dir


class ResolveDataDirTest(tf.test.TestCase):
    def test_given_folder_wins(self):
        with mock.patch.dict(os.environ, TFDS_DATA_DIR="/elsewhere"):
            self.assertEqual(resolve_data_dir("/here"), pathlib.Path("/here"))

    def test_environment_comes_next(self):
        with mock.patch.dict(os.environ, TFDS_DATA_DIR="/elsewhere"):
            self.assertEqual(resolve_data_dir(None), pathlib.Path("/elsewhere"))

    def test_home_is_last(self):
        with mock.patch.dict(os.environ, HOME="/home/someone"):
            os.environ.pop("TFDS_DATA_DIR", None)
            expected = pathlib.Path("/home/someone/tensorflow_datasets")
            self.assertEqual(resolve_data_dir(None), expected)

    def test_tilde_is_expanded(self):
        with mock.patch.dict(os.environ, HOME="/home/someone"):
            self.assertEqual(resolve_data_dir("~/data"), pathlib.Path("/home/someone/data"))
