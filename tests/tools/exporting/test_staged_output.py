import pathlib
import stat
import tempfile

import tensorflow as tf

from tools.exporting.staged_output import check_free, staged_output


class StagedOutputTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def test_the_folder_appears_at_the_end(self):
        path = self.folder / "new" / "output"
        with staged_output(path) as stage:
            (stage / "file").write_text("whole")
            self.assertFalse(path.exists())
        self.assertEqual((path / "file").read_text(), "whole")
        self.assertEqual([each.name for each in path.parent.iterdir()], ["output"])

    def test_an_empty_folder_may_be_there(self):
        path = self.folder / "output"
        path.mkdir()
        with staged_output(path) as stage:
            (stage / "file").write_text("whole")
        self.assertTrue((path / "file").exists())

    def test_others_may_read_it(self):
        with staged_output(self.folder / "output"):
            pass
        self.assertEqual(stat.S_IMODE((self.folder / "output").stat().st_mode), 0o755)

    def test_an_error_leaves_nothing(self):
        with self.assertRaises(RuntimeError), staged_output(self.folder / "output") as stage:
            (stage / "file").write_text("half")
            raise RuntimeError
        self.assertEmpty(list(self.folder.iterdir()))

    def test_files_in_the_way_are_refused(self):
        (self.folder / "file").write_text("mine")
        for path in (self.folder, self.folder / "file"):
            with self.assertRaisesRegex(FileExistsError, "`--output_dir` must be.*Received"):
                check_free(path)

    def test_a_folder_that_cannot_be_made_is_refused(self):
        (self.folder / "file").write_text("mine")
        refused = self.assertRaisesRegex(ValueError, "`--output_dir` must be.*Received")
        with refused, staged_output(self.folder / "file" / "output"):
            pass


if __name__ == "__main__":
    tf.test.main()
