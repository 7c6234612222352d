"""Tests of files and folders."""

import csv
import errno
import os
import pathlib
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from elastic_tf import files


class _InFolder(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _names(self, folder=None):
        return sorted(path.name for path in (folder or self.folder).iterdir())


class WholeFileTest(_InFolder):
    def test_the_file_appears_at_the_end(self):
        path = self.folder / "model.keras"
        path.write_text("old")
        with files.whole_file(path) as partial:
            self.assertEqual((partial.parent, partial.suffix), (self.folder, ".keras"))
            partial.write_text("new")
            self.assertEqual(path.read_text(), "old")
        self.assertEqual(path.read_text(), "new")
        self.assertEqual(self._names(), ["model.keras"])

    def test_an_error_leaves_the_old_file(self):
        path = self.folder / "x.json"
        files.write_json(path, {"a": [1, 2]})
        with self.assertRaises(TypeError):
            files.write_json(path, object())
        self.assertEqual(files.read_json(path), {"a": [1, 2]})
        self.assertEqual(self._names(), ["x.json"])

    def test_a_full_disk_is_named_with_the_file(self):
        full = OSError(errno.ENOSPC, "No space left on device")
        with self.assertRaisesRegex(OSError, "No space left .*x.json"):
            with files.whole_file(self.folder / "x.json"):
                raise full

    @parameterized.parameters(
        (b"{", "must be JSON. Received"),
        (b"\xff{}", "must be JSON. Received"),
        (b"[]", "must hold a JSON object. Received: list"),
        (b"null", "must hold a JSON object. Received: NoneType"),
    )
    def test_damaged_json_names_the_file(self, content, fault):
        (self.folder / "x.json").write_bytes(content)
        with self.assertRaisesRegex(ValueError, f"x.json {fault}"):
            files.read_json(self.folder / "x.json")


class TablesTest(_InFolder):
    @parameterized.parameters((None, ["a", "b"]), (["b", "c"], ["b", "c"]))
    def test_csv_has_the_columns_asked_for(self, columns, expected):
        rows = [{"a": 1, "b": "x, y"}, {"b": "ü", "c": None}]
        files.write_csv(self.folder / "t.csv", rows if columns else rows[:1], columns)
        with (self.folder / "t.csv").open(newline="", encoding="utf-8") as file:
            found = list(csv.DictReader(file))
        self.assertEqual(list(found[0]), expected)
        self.assertEqual(found[0]["b"], "x, y")
        if columns:
            self.assertEqual((found[0]["c"], found[1]), ("", {"b": "ü", "c": ""}))

    def test_markdown(self):
        table = files.markdown_table(["model", "MACs %"], [["0-1", "3.0"]])
        self.assertEqual(table, "| model | MACs % |\n| --- | --- |\n| 0-1 | 3.0 |")


class OutputFolderTest(_InFolder):
    def test_it_is_made_with_all_above_it_and_what_lies_there_is_left_alone(self):
        folder = files.output_folder(str(self.folder / "new" / "folder"))
        self.assertEqual(folder, self.folder / "new" / "folder")
        self.assertEmpty(self._names(folder))
        (folder / "old").write_text("old")
        self.assertEqual(self._names(files.output_folder(folder)), ["old"])

    # Not even root writes to /proc.
    @parameterized.parameters(("file", "made and"), ("/proc", "written to"), ("", "the path of a"))
    def test_where_nothing_can_be_written_is_refused(self, path, reason):
        (self.folder / "file").write_text("")
        with self.assertRaisesRegex(ValueError, f"`plots` must be .*{reason}.*Received: plots="):
            files.output_folder(path and self.folder / path, "plots")

    @parameterized.parameters("new.json", "old.json")
    def test_a_check_of_a_file_changes_nothing(self, name):
        (self.folder / "old.json").write_text("old")
        files.check_output_file(self.folder / name, "json_out")
        self.assertEqual(self._names(), ["old.json"])
        self.assertEqual((self.folder / "old.json").read_text(), "old")

    @parameterized.parameters("missing/new.json", "file/new.json", "")
    def test_a_file_that_cannot_be_written_is_refused(self, name):
        (self.folder / "file").write_text("")
        with self.assertRaisesRegex(ValueError, "`plot_out` must be a file.*Received: plot_out="):
            files.check_output_file(self.folder / name, "plot_out")

    def test_a_file_that_is_none_is_refused(self):
        os.mkfifo(self.folder / "pipe")
        for path in (self.folder / "pipe", "/dev/null"):
            with self.assertRaisesRegex(ValueError, "`json_out` must .*it is no regular file"):
                files.check_output_file(path, "json_out")

    def test_a_name_too_long_for_the_file_beside_it_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`json_out` must .*File name too long"):
            files.check_output_file(self.folder / ("n" * 250 + ".json"), "json_out")

    def test_a_link_is_followed(self):
        link, target = self.folder / "link", self.folder / "target"
        target.write_text("old")
        link.symlink_to(target)
        files.check_output_file(link, "json_out")
        files.write_text(link, "new")
        self.assertTrue(link.is_symlink())
        self.assertEqual((target.read_text(), self._names()), ("new", ["link", "target"]))

    @parameterized.parameters("s3://bucket/run", "gs://bucket/run", "file:///run", "hdfs:/run")
    def test_what_lies_elsewhere_is_refused(self, path):
        claimed = files.ClaimedFolder(path, "run.json", "run")
        for use in (
            lambda: files.output_folder(path),
            lambda: files.check_output_file(path, "output_dir"),
            lambda: files.check_free(path),
            lambda: claimed.check({}),
            lambda: self.enter_context(claimed.locked()),
        ):
            fault = "^`output_dir` must be a path on this machine. Received: output_dir="
            with self.assertRaisesRegex(ValueError, fault):
                use()

    def test_the_home_folder_has_a_short_name(self):
        with mock.patch.dict(os.environ, {"HOME": str(self.folder)}):
            files.write_json("~/a.json", {})
            self.assertEqual(files.output_folder("~/b"), self.folder / "b")
            files.ClaimedFolder("~/c", "run.json", "run").claim({})
            with files.whole_folder("~/d"):
                pass
        self.assertEqual(self._names(), ["a.json", "b", "c", "d"])


class WholeFolderTest(_InFolder):
    def _write(self, path):
        with files.whole_folder(path) as stage:
            (stage / "file").write_text("whole")
            self.assertFalse((path / "file").exists())
        self.assertEqual((path / "file").read_text(), "whole")

    def test_the_folder_appears_at_the_end_and_others_may_read_it(self):
        path = self.folder / "new" / "output"
        self._write(path)
        self.assertEqual(self._names(path.parent), ["output"])
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o755)

    def test_an_empty_folder_and_a_link_to_one_may_be_there(self):
        target, link = self.folder / "target", self.folder / "link"
        target.mkdir()
        link.symlink_to(target)
        self._write(link)
        self.assertTrue(link.is_symlink())
        self.assertEqual((self._names(), self._names(target)), (["link", "target"], ["file"]))

    def test_an_error_leaves_nothing(self):
        with self.assertRaises(RuntimeError), files.whole_folder(self.folder / "o") as stage:
            (stage / "file").write_text("half")
            raise RuntimeError
        self.assertEmpty(self._names())

    def test_a_signal_to_end_leaves_nothing_and_means_afterwards_what_it_did_before(self):
        before = signal.getsignal(signal.SIGTERM)
        ended = self.assertRaises(SystemExit)
        with ended as raised, files.whole_folder(self.folder / "output") as stage:
            (stage / "file").write_text("half")
            signal.raise_signal(signal.SIGTERM)
        self.assertEqual(raised.exception.code, 128 + signal.SIGTERM)
        self.assertEmpty(self._names())
        self.assertEqual(signal.getsignal(signal.SIGTERM), before)

    def test_it_can_be_used_in_any_thread(self):
        thread = threading.Thread(target=self._write, args=[self.folder / "output"])
        thread.start()
        thread.join()
        self.assertEqual(self._names(), ["output"])

    def test_a_folder_filled_meanwhile_is_kept(self):
        path = self.folder / "output"
        refused = self.assertRaisesRegex(ValueError, "`output_dir` must be.*Received")
        with refused, files.whole_folder(path):
            path.mkdir()
            (path / "mine").write_text("mine")
        self.assertEqual((self._names(), self._names(path)), (["output"], ["mine"]))

    @parameterized.parameters(
        (".", FileExistsError, "new or empty.*holds files"),
        ("file", FileExistsError, "new or empty.*is a file"),
        ("file/output", ValueError, "can be made"),
    )
    def test_what_is_in_the_way_is_refused(self, name, error, fault):
        (self.folder / "file").write_text("mine")
        with self.assertRaisesRegex(error, f"`output_dir` must be.*{fault}"):
            self._write(self.folder / name)
        self.assertEqual(self._names(), ["file"])


class ClaimedFolderTest(_InFolder):
    def setUp(self):
        super().setUp()
        self.claimed = files.ClaimedFolder(self.folder / "run", "run.json", "run")

    def test_the_same_work_may_go_on(self):
        self.claimed.claim({"price": 10.0, "ratios": (0, 1), "seed": 1})
        self.claimed.claim({"price": 10.0, "ratios": (0, 1)})
        found = files.read_json(self.claimed.file)
        self.assertEqual(found, {"price": 10.0, "ratios": [0, 1], "seed": 1})

    def test_other_work_is_refused_and_nothing_overwritten(self):
        self.claimed.claim({"price": 10.0, "seed": 1})
        with self.assertRaisesRegex(FileExistsError, "hold the same run.*run differs in price"):
            self.claimed.claim({"price": 5.0, "seed": 1})
        self.assertEqual(files.read_json(self.claimed.file), {"price": 10.0, "seed": 1})

    def test_somebody_elses_files_are_refused(self):
        self.claimed.path.mkdir()
        (self.claimed.path / "thesis.txt").write_text("years of work")
        with self.assertRaisesRegex(FileExistsError, "`output_dir` must .* holds other files"):
            self.claimed.claim({})
        self.assertEqual(self._names(self.claimed.path), ["thesis.txt"])

    def test_an_empty_folder_of_before_stays_also_by_a_link(self):
        self.claimed.path.mkdir()
        link = self.folder / "link"
        link.symlink_to(self.claimed.path)
        for path in (self.claimed.path, link):
            with files.ClaimedFolder(path, "run.json", "run").locked():
                pass
        self.assertEqual((self._names(), self._names(link)), (["link", "run"], []))

    def test_another_process_is_refused_while_it_is_locked(self):
        program = (
            "import sys; sys.path.insert(0, sys.argv[1]); import files\n"
            "with files.ClaimedFolder(sys.argv[2], 'run.json', 'run').locked(): pass"
        )
        library = pathlib.Path(files.__file__).parent
        command = [sys.executable, "-c", program, library, self.claimed.path]
        with self.claimed.locked():
            self.claimed.claim({"seed": 1})  # A lock is no file of somebody else's.
            refused = subprocess.run(command, capture_output=True, text=True)
        self.assertRegex(refused.stderr, "FileExistsError: .* another process is writing to")
        self.assertEqual(subprocess.run(command).returncode, 0)
