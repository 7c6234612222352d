import pathlib
import signal
import stat
import tempfile
import threading

import tensorflow as tf
from elastic_tf_tools.exporting.staged_output import check_free, staged_output


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

    def test_a_signal_to_end_leaves_nothing(self):
        with self.assertRaises(SystemExit) as raised, staged_output(self.folder / "o") as stage:
            (stage / "file").write_text("half")
            signal.raise_signal(signal.SIGTERM)
        self.assertEqual(raised.exception.code, 128 + signal.SIGTERM)
        self.assertEmpty(list(self.folder.iterdir()))

    def test_signals_do_afterwards_what_they_did_before(self):
        before = signal.getsignal(signal.SIGTERM)
        with staged_output(self.folder / "output"):
            self.assertNotEqual(signal.getsignal(signal.SIGTERM), before)
        self.assertEqual(signal.getsignal(signal.SIGTERM), before)

    def test_it_can_be_used_in_any_thread(self):
        def write():
            with staged_output(self.folder / "output") as stage:
                (stage / "file").write_text("whole")

        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        self.assertTrue((self.folder / "output" / "file").exists())

    def test_a_link_to_an_empty_folder_is_followed(self):
        target, link = self.folder / "target", self.folder / "link"
        target.mkdir()
        link.symlink_to(target)
        with staged_output(link) as stage:
            (stage / "file").write_text("whole")
        self.assertTrue(link.is_symlink())
        self.assertEqual((target / "file").read_text(), "whole")
        self.assertCountEqual([each.name for each in self.folder.iterdir()], ["target", "link"])

    def test_a_folder_filled_meanwhile_is_kept(self):
        path = self.folder / "output"
        refused = self.assertRaisesRegex(ValueError, "`--output_dir` must be.*Received")
        with refused, staged_output(path):
            path.mkdir()
            (path / "file").write_text("mine")
        self.assertEqual([each.name for each in self.folder.rglob("*")], ["output", "file"])

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
