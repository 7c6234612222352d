import fcntl
import pathlib
import tempfile
from unittest import mock

import tensorflow as tf

from pipelines.preparation.staging import clear_staging, staging_folder


class StagingTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "data"

    def _stale(self):
        folder = self.root / ".preparing-cifar10"
        folder.mkdir(parents=True)
        (folder / "half").write_text("stale")
        return folder

    def test_nothing_is_left(self):
        with staging_folder(self.root, "cifar10") as folder:
            (folder / "file").write_text("new")
        self.assertEmpty(list(self.root.iterdir()))

    def test_nothing_is_left_by_an_error(self):
        with self.assertRaises(KeyboardInterrupt), staging_folder(self.root, "cifar10") as folder:
            (folder / "file").write_text("new")
            raise KeyboardInterrupt
        self.assertEmpty(list(self.root.iterdir()))

    def test_what_was_left_is_removed_first(self):
        self._stale()
        with staging_folder(self.root, "cifar10") as folder:
            self.assertEmpty(list(folder.iterdir()))

    def test_another_process_at_work_is_left_alone(self):
        with staging_folder(self.root, "cifar10") as folder:
            (folder / "file").write_text("new")
            with self.assertRaisesRegex(ValueError, "another process that prepares 'cifar10'"):
                self.enter_context(staging_folder(self.root, "cifar10"))
            clear_staging(self.root, "cifar10")
            self.assertEqual((folder / "file").read_text(), "new")

    def test_another_data_set_may_be_staged(self):
        with staging_folder(self.root, "cifar10"), staging_folder(self.root, "mnist"):
            self.assertLen(list(self.root.iterdir()), 4)

    def test_a_lock_file_that_was_removed_is_no_lock(self):
        calls = []

        def flock(file, how):
            calls.append(how)
            if len(calls) == 1:  # The process that had the lock ends between open and lock.
                pathlib.Path(file.name).unlink()

        with mock.patch.object(fcntl, "flock", flock):
            with staging_folder(self.root, "cifar10"):
                self.assertTrue((self.root / ".preparing-cifar10.lock").exists())
        self.assertLen(calls, 2)

    def test_clear_staging(self):
        self._stale()
        clear_staging(self.root, "cifar10")
        self.assertEmpty(list(self.root.iterdir()))

    def test_a_link_is_removed_and_not_followed(self):
        other = self.root.parent / "other"
        other.mkdir()
        (other / "file").write_text("kept")
        self.root.mkdir()
        (self.root / ".preparing-cifar10").symlink_to(other)
        with staging_folder(self.root, "cifar10"):
            self.assertEqual((other / "file").read_text(), "kept")

    def test_a_file_in_place_of_the_folder(self):
        self.root.write_text("a file")
        with self.assertRaisesRegex(ValueError, r"folder that can be written \(.+\). Received"):
            self.enter_context(staging_folder(self.root, "cifar10"))


if __name__ == "__main__":
    tf.test.main()
