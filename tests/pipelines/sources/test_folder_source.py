import os
import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines.sources import DataNotFoundError, FolderSource
from pipelines.sources.image_folder import ImageFolder
from pipelines.sources.image_tree import find_images
from tests.pipelines.own_images import damage, digit_images, images_of, write_class, write_classes

SPLITS = ("train", "validation", "test")


def _source(folder, **values):
    return FolderSource(folder, 8, **{"channels": 1} | values)


def _load(source, share=0.25):
    """Returns a dict from split to the set of its images' bytes; all differ."""
    return {
        split: {image.tobytes() for image in images_of(source.load(split, None, share))[0]}
        for split in SPLITS
    }


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
        paths, labels = ImageFolder(self.root).files[split]
        return [(os.fsdecode(path), label) for path, label in zip(paths, labels, strict=True)]

    def test_class_folders(self):
        self._make("b/2.png", "b/1.jpg", "a/z.gif", "readme.txt")
        self.assertEqual(ImageFolder(self.root).classes, ["a", "b"])
        self.assertEqual(list(ImageFolder(self.root).files), ["train"])
        self.assertEqual(self._files("train"), [("a/z.gif", 0), ("b/1.jpg", 1), ("b/2.png", 1)])

    def test_images_within_folders_of_a_class(self):
        self._make("a/0.png", "a/x/1.png", "a/x/y/2.png", "b/0.png")
        names = [name for name, label in self._files("train") if label == 0]
        self.assertEqual(names, ["a/0.png", "a/x/1.png", "a/x/y/2.png"])

    @parameterized.parameters(
        "@eaDir/0.png/SYNOPHOTO_THUMB_XL.jpg",
        "#recycle/0.png",
        "$RECYCLE.BIN/0.png",
        "System Volume Information/0.png",
        "__MACOSX/a/0.png",
        ".ipynb_checkpoints/0-checkpoint.png",
        ".thumbnails/0.jpg",
        "._0.png",
        "Thumbs.db",
        "desktop.ini",
    )
    def test_what_systems_leave_is_neither_an_image_nor_a_class(self, left):
        self._make("a/0.png", "b/0.png", left, f"a/{left}", f"b/c/{left}", "b/c/1.png")
        self.assertEqual(ImageFolder(self.root).classes, ["a", "b"])
        self.assertEqual(self._files("train"), [("a/0.png", 0), ("b/0.png", 1), ("b/c/1.png", 1)])

    def test_photographs_that_cannot_be_read_are_counted_and_named(self):
        self._make("a/0.png", "a/1.HEIC", "a/x/2.heic", "b/0.png", "b/1.CR2", "b/notes.txt")
        with self.assertLogs("pipelines", "WARNING") as logs:
            self.assertEqual(self._files("train"), [("a/0.png", 0), ("b/0.png", 1)])
        expected = r"Left out: 3 photographs .*\(\.heic 2, \.cr2 1\), such as .*/a/1.HEIC; as JPEG"
        self.assertRegex(logs.output[0], expected)

    def test_links_to_folders_are_followed_and_loops_are_not(self):
        self._make("root/a/0.png", "root/b/0.png", "elsewhere/1.png", "elsewhere/x/2.png")
        self.root = self.root / "root"
        (self.root / "a" / "more").symlink_to(self.root.parent / "elsewhere")
        (self.root / "a" / "self").symlink_to(self.root / "a")
        (self.root / "b" / "up").symlink_to(self.root)
        (self.root / "c").symlink_to(self.root.parent / "elsewhere")
        names = ["a/0.png", "a/more/1.png", "a/more/x/2.png"]
        found = self._files("train")
        self.assertEqual([name for name, label in found if label == 0], names)
        self.assertEqual([name for name, label in found if label == 2], ["c/1.png", "c/x/2.png"])
        # What a link to a folder that it lies in brings is of all classes.
        self.assertEqual([name for name, label in found if label == 1], ["b/0.png"])

    def test_a_link_to_the_folder_itself_is_no_class(self):
        self._make("a/0.png", "b/0.png")
        (self.root / "self").symlink_to(self.root)
        (self.root / "above").symlink_to(self.root.parent)
        by_link = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "link"
        by_link.symlink_to(self.root)
        for root in (self.root, by_link):
            self.assertEqual(ImageFolder(root).classes, ["a", "b"])
        found, _ = find_images(by_link)
        self.assertEqual(found, [str(by_link / name) for name in ("a/0.png", "b/0.png")])

    def test_what_would_be_waited_for_is_no_image(self):
        self._make("a/0.png", "b/0.png")
        os.mkfifo(self.root / "a" / "pipe.png")
        self.assertEqual(self._files("train"), [("a/0.png", 0), ("b/0.png", 1)])

    @parameterized.parameters("a b [1] 'q'", "图像", "naïve", "100 %", "-x", "a\nb", "#1", "@me")
    def test_names_of_any_kind(self, name):
        self._make(f"{name}/{name}.png", f"{name}2/{name}.png")
        self.assertEqual(ImageFolder(self.root).classes, [name, f"{name}2"])
        found = [path for path, _ in self._files("train")]
        self.assertEqual(found, [f"{name}/{name}.png", f"{name}2/{name}.png"])

    def test_names_that_are_no_text(self):
        self._make("a/0.png", "b/0.png")
        pathlib.Path(os.fsdecode(os.fsencode(self.root) + b"/a/\xff.png")).touch()
        paths, _ = ImageFolder(self.root).files["train"]
        self.assertIn(b"a/\xff.png", list(paths))

    @parameterized.parameters(
        ("photos/a/0.png", "photos/b/0.png"),
        ("x/y/train/a/0.png", "x/y/train/b/0.png", "x/y/test/a/1.png"),
    )
    def test_folders_on_top_as_archives_have_them(self, *paths):
        self._make(*paths, "__MACOSX/a/0.png", "readme.txt")
        self.assertEqual(ImageFolder(self.root).classes, ["a", "b"])
        self.assertEqual([path for path, _ in self._files("train")], list(paths[:2]))

    def test_test_images_without_labels_are_left_out(self):
        self._make("train/a/0.png", "train/b/1.png", "test/2.png", "val/a/3.png")
        with self.assertLogs("pipelines", "WARNING") as logs:
            self.assertEqual(list(ImageFolder(self.root).files), ["train", "validation"])
        self.assertRegex(logs.output[0], "Left out: .*/test, .* no labels")

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

    @parameterized.parameters(
        ([], "at least 2 class folders"),
        (["a/0.png"], "at least 2 class folders .* has 1"),
        (["0.png", "1.png"], "at least 2 class folders .* has 0"),
        (["a/0.png", "b/"], "images of every class, .* there are none of b"),
        (["a/0.png", "b/notes.txt", "c/"], "images of every class, .* there are none of b, c"),
        (["a/0.png", *(f"b{n}/" for n in range(7))], "none of b0, b1, b2, b3, b4 and 2 more"),
        (["a/0.png", "b/0.heic"], r"none of b \(1 photographs in .* \(.heic 1\), .*b/0.heic"),
        (["train/a/0.png", "train/b/0.png", "test/"], "every folder of a split, but test has none"),
        (["a/0.png", "b/0.png", "test/a/0.png"], "'test' lies beside 'a'"),
        (["test/a/0.png", "val/b/0.png"], "a folder 'train' beside 'test'"),
        (["train/a/0.png", "train/b/0.png", "test/c/0.png"], "every class of test in train"),
        (
            ["train/a/0.png", "train/b/0.png", "test/b/"],
            "of every class.*/test there are none of b",
        ),
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


class FolderSourceTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "root"

    def test_images_and_labels_are_those_of_the_files(self):
        write_classes(self.folder / "train", {"two": 3, "one": 2})
        write_classes(self.folder / "test", {"two": 1})
        source = _source(self.folder)
        images, labels = images_of(source.load("train", validation_share=0))
        # Classes are sorted by name: "one" comes first.
        expected = np.concatenate([digit_images("one", 2), digit_images("two", 3)])
        self.assertAllEqual(images[..., 0], expected)
        self.assertAllEqual(labels, [0, 0, 1, 1, 1])
        images, labels = images_of(source.load("test"))
        self.assertAllEqual(images[..., 0], digit_images("two", 1))
        self.assertAllEqual(labels, [1])
        self.assertEqual(source.num_classes, 2)
        self.assertEqual(source.class_names(), ["one", "two"])

    def test_without_folders_of_splits_every_class_is_divided(self):
        write_classes(self.folder, {"one": 20, "two": 10})
        source = _source(self.folder, test_share=0.2)
        counts = {
            split: np.bincount(images_of(source.load(split, None, 0.25))[1]).tolist()
            for split in SPLITS
        }
        # A fifth for the test, and a quarter of the rest for validation.
        self.assertEqual(counts, {"test": [4, 2], "validation": [4, 2], "train": [12, 6]})
        parts = _load(source)
        self.assertLen(parts["train"] | parts["validation"] | parts["test"], 30)

    def test_the_test_split_does_not_depend_on_validation(self):
        write_classes(self.folder, {"one": 20, "two": 10})
        source = _source(self.folder)
        self.assertEqual(_load(source, 0.1)["test"], _load(source, 0.5)["test"])

    def test_a_folder_of_validation_images_is_the_validation_split(self):
        write_classes(self.folder / "train", {"one": 10, "two": 10})
        write_classes(self.folder / "val", {"one": 1, "two": 2})
        source = _source(self.folder)
        images, labels = images_of(source.load("validation"))
        self.assertAllEqual(labels, [0, 1, 1])
        # The test split comes out of train.
        self.assertEqual(len(source.load("train")), 16)
        self.assertEqual(len(source.load("test")), 4)


class DamagedImagesTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "root"
        write_classes(self.folder, {"one": 20, "two": 20})
        self.whole = _load(_source(self.folder))

    def _damage(self, count):
        images = [image.tobytes() for image in digit_images("one", count)]
        for number in range(count):
            damage(self.folder / "one" / f"{number:02}.png")
        return set(images)

    def test_five_of_them_are_named_with_the_reason(self):
        self._damage(7)
        with self.assertRaises(DataNotFoundError) as caught:
            _source(self.folder).load("train")
        message = str(caught.exception)
        self.assertStartsWith(message, "`folder` must hold images that can be read")
        self.assertIn("7 damaged: ", message)
        self.assertIn(f"{self.folder / 'one' / '04.png'} (", message)
        self.assertNotIn("05.png", message)
        self.assertNotIn("\n", message)

    @parameterized.parameters(*SPLITS)
    def test_training_starts_with_a_look_at_every_split(self, split):
        images = {image.tobytes(): number for number, image in enumerate(digit_images("one", 20))}
        number = min(images[image] for image in self.whole[split] if image in images)
        damage(self.folder / "one" / f"{number:02}.png")
        with self.assertRaisesRegex(DataNotFoundError, f"1 damaged: .*{number:02}.png"):
            _source(self.folder).load("train")
        if split != "test":
            _source(self.folder).load("test")

    def test_leaving_them_out_moves_no_other_image(self):
        lost = self._damage(5)
        with self.assertLogs("pipelines", "WARNING") as logs:
            left = _load(_source(self.folder, on_corrupt_image="skip"))
        for split in SPLITS:
            self.assertEqual(left[split], self.whole[split] - lost)
        self.assertLen(logs.output, 1)
        self.assertIn("Left out: 5 damaged: ", logs.output[0])
        self.assertIn("00.png (", logs.output[0])

    def test_a_class_without_readable_images_is_refused(self):
        self._damage(20)
        with self.assertLogs("pipelines", "WARNING"):
            with self.assertRaisesRegex(
                DataNotFoundError, "for train .* there is none of one: each needs"
            ):
                _source(self.folder, on_corrupt_image="skip").load("train")

    def test_classes_of_one_image_cannot_be_tested(self):
        write_class(self.folder, "three", 1)
        write_class(self.folder, "zero", 1)
        with self.assertRaisesRegex(
            DataNotFoundError, "for test .* there is none of three, zero: each needs"
        ):
            _source(self.folder).load("test")
