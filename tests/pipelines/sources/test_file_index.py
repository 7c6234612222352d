import os
import pathlib
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines.sources import DataNotFoundError, file_index, image_index
from pipelines.sources.file_index import FileIndex
from tests.pipelines.own_images import damage, write_classes


class FileIndexTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.folder, self.file = folder / "images", folder / "run" / "index.npz"
        write_classes(self.folder / "train", {"one": 3, "two": 2})
        write_classes(self.folder / "test", {"two": 2})
        damage(self.folder / "train" / "two" / "00.png")
        self.index = FileIndex(self.folder)
        self.assertIsNone(self.index.faults)
        self.index.examine(8, 1, "crop")
        self.index.save(self.file)

    def _load(self):
        return FileIndex.load(self.file, self.folder)

    def _check(self, index):
        self.assertEqual(index.classes, ["one", "two"])
        self.assertAllEqual(index.labels, [1, 1, 0, 0, 0, 1, 1])
        rows = {split: rows.tolist() for split, rows in index.rows.items()}
        self.assertEqual(rows, {"test": [0, 1], "train": [2, 3, 4, 5, 6]})
        self.assertEqual(list(index.faults), [5])
        self.assertEqual(index.name(5), str(self.folder / "train" / "two" / "00.png"))
        for row in range(7):
            self.assertEqual(index.read(row), pathlib.Path(index.name(row)).read_bytes())

    def test_it_knows_the_files(self):
        self._check(self.index)

    def test_a_later_start_looks_at_no_file_and_lists_no_folder(self):
        with mock.patch.object(image_index, "decoded_or_fault", side_effect=AssertionError):
            with mock.patch.object(file_index, "ImageFolder", side_effect=AssertionError):
                self._check(self._load())

    def test_folders_that_were_changed_and_hold_the_same_are_listed_once_more(self):
        (self.folder / "train" / "one" / "notes.txt").touch()
        with mock.patch.object(image_index, "decoded_or_fault", side_effect=AssertionError):
            index = self._load()
        self._check(index)
        index.save(self.file)
        with mock.patch.object(file_index, "ImageFolder", side_effect=AssertionError):
            self._check(self._load())

    @parameterized.parameters(
        (["train/one/x.png"], [], "1 are new and 0 missing"),
        ([], ["train/two/01.png", "test/two/00.png"], "0 are new and 2 missing"),
        (["test/two/x.png"], ["test/two/00.png"], "1 are new and 1 missing"),
        (["train/one/deep/er/x.png"], [], "1 are new"),
    )
    def test_other_files_are_refused_until_the_index_is_removed(self, new, lost, fault):
        for name in new:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).touch()
        for name in lost:
            (self.folder / name).unlink()
        fault = f"`folder` must hold the files that {self.file} lists.*{fault}.* Received: folder="
        with self.assertRaisesRegex(DataNotFoundError, fault):
            self._load()
        self.file.unlink()
        self.assertIsNone(self._load())

    def test_a_folder_that_is_gone(self):
        self.folder.rename(self.folder.with_name("moved"))
        with self.assertRaisesRegex(DataNotFoundError, "`folder` must be a folder that exists"):
            self._load()

    @parameterized.parameters("same size", "another size", "gone")
    def test_a_file_of_other_content_is_refused_when_it_is_read(self, change):
        path = pathlib.Path(self.index.name(1))
        content = path.read_bytes()
        before = os.stat(path.parent).st_mtime_ns
        path.write_bytes(content[:-1] + (b"x" if change == "same size" else b""))
        if change == "gone":
            path.unlink()
            os.utime(path.parent, ns=(before, before))
        with self.assertRaisesRegex(ValueError, f"{path} must be .* Received: "):
            self._load().read(1)

    @parameterized.parameters(0, 100, -30)
    def test_a_damaged_index_is_none(self, size):
        self.file.write_bytes(self.file.read_bytes()[:size])
        self.assertIsNone(self._load())

    def test_one_of_another_version_is_none(self):
        with np.load(self.file) as arrays:
            known = dict(arrays)
        known["known"] = str(known["known"]).replace('"version": 1', '"version": 0')
        np.savez(self.file, **known)
        self.assertIsNone(self._load())
