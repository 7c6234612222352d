import os
import pathlib
import tempfile

import tensorflow as tf
from absl.testing import parameterized

from pipelines.sources.data_not_found import DataNotFoundError
from pipelines.sources.image_folder import ImageFolder


class ImageFolderTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _make(self, *paths):
        """Makes empty files, and folders where a path ends with a slash."""
        for path in paths:
            place = self.root / path
            if path.endswith("/"):
                place.mkdir(parents=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()

    def _files(self, split):
        files = ImageFolder(self.root).files[split]
        return [(os.path.relpath(path, self.root), label) for path, label in files]

    def test_class_folders(self):
        self._make("b/2.png", "b/1.jpg", "a/z.gif", "readme.txt")
        self.assertEqual(ImageFolder(self.root).classes, ["a", "b"])
        self.assertEqual(list(ImageFolder(self.root).files), ["train"])
        self.assertEqual(self._files("train"), [("a/z.gif", 0), ("b/1.jpg", 1), ("b/2.png", 1)])

    def test_images_within_folders_of_a_class(self):
        self._make("a/0.png", "a/x/1.png", "a/x/y/2.png", "b/0.png")
        names = [name for name, label in self._files("train") if label == 0]
        self.assertEqual(names, ["a/0.png", "a/x/1.png", "a/x/y/2.png"])

    def test_hidden_and_other_files_are_left_out(self):
        self._make("a/0.PNG", "a/.1.png", "a/notes.txt", "a/.x/2.png", "b/0.png", ".git/0.png")
        self.assertEqual(self._files("train"), [("a/0.PNG", 0), ("b/0.png", 1)])

    @parameterized.parameters(
        ("train", "test", "val"), ("Train", "TEST", "valid"), ("training", "testing", "validation")
    )
    def test_folders_of_splits(self, train, test, validation):
        self._make(f"{train}/a/0.png", f"{train}/b/1.png", f"{test}/b/2.png")
        self._make(f"{validation}/a/3.png")
        self.assertEqual(self._files("train"), [(f"{train}/a/0.png", 0), (f"{train}/b/1.png", 1)])
        self.assertEqual(self._files("test"), [(f"{test}/b/2.png", 1)])
        self.assertEqual(self._files("validation"), [(f"{validation}/a/3.png", 0)])

    def test_classes_may_be_called_like_splits(self):
        self._make("bus/0.png", "train/0.png", "valid/0.png")
        self.assertEqual(ImageFolder(self.root).classes, ["bus", "train", "valid"])

    def test_a_linked_class_folder(self):
        self._make("a/0.png", "b/0.png", "c/")
        (self.root / "c").rmdir()
        (self.root / "c").symlink_to(self.root / "a")
        self.assertIn(("c/0.png", 2), self._files("train"))

    @parameterized.parameters(
        ([], "at least 2 class folders"),
        (["a/0.png"], "at least 2 class folders .* has 1"),
        (["0.png", "1.png"], "at least 2 class folders .* has 0"),
        (["a/0.png", "b/"], "images of every class, but .*b has none"),
        (["a/0.png", "b/notes.txt"], "images of every class, but .*b has none"),
        (["a/0.png", "b/0.png", "test/a/0.png"], "'test' lies beside 'a'"),
        (["test/a/0.png", "val/b/0.png"], "a folder 'train' beside 'test'"),
        (["train/a/0.png", "train/b/0.png", "test/c/0.png"], "every class in train, but test/c"),
        (["train/a/0.png", "train/b/0.png", "test/b/"], "of every class, but .*test/b has none"),
        (["train/a/0.png", "train/b/0.png", "val/a/0.png", "valid/a/0.png"], "'val' and 'valid'"),
    )
    def test_other_layouts_are_refused(self, paths, fault):
        self._make(*paths)
        with self.assertRaisesRegex(DataNotFoundError, f"`folder` must .*{fault}") as caught:
            ImageFolder(self.root)
        self.assertEndsWith(str(caught.exception), f"Received: folder={self.root}")

    def test_a_missing_folder(self):
        with self.assertRaisesRegex(DataNotFoundError, "`folder` must be a folder that exists"):
            ImageFolder(self.root / "none")


if __name__ == "__main__":
    tf.test.main()
