"""What every test of damaged files asserts."""

import pathlib
import tempfile

import tensorflow as tf

from pipelines.preparation.prepare import prepare
from tests.pipelines.preparation import official_files as files


class RefusalTestCase(tf.test.TestCase):
    """Gives a folder, and asserts that files are refused before anything is written."""

    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def assert_refused(self, name, path, pattern, check_digest=False):
        data_dir = self.root / "data"
        with self.assertRaisesRegex(ValueError, pattern) as caught:
            prepare(files.tiny_set(name), path, data_dir, check_digest)
        message = str(caught.exception)
        self.assertLen(message.splitlines(), 1)
        self.assertIn(" must ", message)
        self.assertIn("Received: ", message)
        self.assertFalse(data_dir.exists())
