import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines.sources.data_not_found import DataNotFoundError
from pipelines.sources.tiny_imagenet import TinyImageNetSource

# Not in alphabetical order: labels follow the lines of the file.
_WNIDS = ["n03", "n01", "n02"]
_PER_CLASS = 4
_TEST_WNIDS = ["n02", "n03", "n01", "n01", "n02"]


def _grey_of(label, number):
    return 80 * label + 16 * number


def _write_jpeg(path, grey, size=6, channels=3):
    image = np.full((size, size, channels), grey, np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_jpeg(image, quality=100).numpy())


def _write_folder(root):
    """A small `tiny-imagenet-200`: 3 classes of 4 train images each, and 5 test images."""
    folder = pathlib.Path(root) / "tiny-imagenet-200"
    for label, wnid in enumerate(_WNIDS):
        for number in range(_PER_CLASS):
            file = folder / "train" / wnid / "images" / f"{wnid}_{number}.JPEG"
            _write_jpeg(file, _grey_of(label, number), channels=1 if number == 0 else 3)
    (folder / "wnids.txt").write_text("\n".join(_WNIDS) + "\n")
    lines = []
    for number, wnid in enumerate(_TEST_WNIDS):
        _write_jpeg(folder / "val" / "images" / f"val_{number}.JPEG", 50 * number)
        lines.append(f"val_{number}.JPEG\t{wnid}\t0\t32\t44\t62\n")
    (folder / "val" / "val_annotations.txt").write_text("".join(lines))
    return folder


class TinyImageNetTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.root = self.enter_context(tempfile.TemporaryDirectory())
        self.folder = _write_folder(self.root)
        self.source = TinyImageNetSource(image_size=6, num_classes=len(_WNIDS))

    def _load(self, split, share=0.0):
        """Pairs (grey value, label) of a split."""
        loaded = self.source.load(split, data_dir=self.root, validation_share=share)
        pairs = [(int(image[0, 0, 0]), int(label)) for image, label in loaded.dataset]
        self.assertLen(pairs, loaded.num_examples)
        return pairs

    def _assert_refused(self, error, part, split="train"):
        with self.assertRaises(error) as caught:
            self._load(split)
        message = str(caught.exception)
        self.assertStartsWith(message, "`data_dir` must hold ")
        self.assertIn(part, message)
        self.assertEndsWith(message, f"Received: data_dir={self.root!r}")

    def test_train_images_have_the_label_of_their_line(self):
        expected = [(_grey_of(label, n), label) for label in range(3) for n in range(_PER_CLASS)]
        self.assertAllClose(self._load("train"), expected, atol=1)

    def test_test_images_are_those_of_the_annotations(self):
        expected = [(50 * i, _WNIDS.index(wnid)) for i, wnid in enumerate(_TEST_WNIDS)]
        self.assertAllClose(self._load("test"), expected, atol=1)

    def test_train_and_validation_are_disjoint_and_exhaustive(self):
        validation = self._load("validation", 0.25)
        together = self._load("train", 0.25) + validation
        self.assertEqual(sorted(together), sorted(self._load("train")))
        self.assertEqual([label for _, label in validation], [0, 1, 2])

    def test_grey_files_become_three_channels(self):
        image, label = next(iter(self.source.load("train", self.root).dataset))
        self.assertEqual((image.shape, image.dtype), ((6, 6, 3), tf.uint8))
        self.assertEqual((label.shape, label.dtype), ((), tf.int32))

    def test_missing_folder(self):
        shutil.rmtree(self.folder)
        self._assert_refused(DataNotFoundError, "CS231n")

    def test_missing_class_list(self):
        (self.folder / "wnids.txt").unlink()
        self._assert_refused(DataNotFoundError, "wnids.txt is missing or unreadable")

    @parameterized.parameters("", "n03\nn01\n", "n03\nn01\nn01\n", "n03\nn01\nn02\nn04\n")
    def test_wrong_class_list(self, text):
        (self.folder / "wnids.txt").write_text(text)
        self._assert_refused(ValueError, "wnids.txt of 3 different classes")

    def test_class_without_images(self):
        shutil.rmtree(self.folder / "train" / "n01" / "images")
        self._assert_refused(DataNotFoundError, "train/n01/images/*.JPEG is missing")

    def test_missing_annotations(self):
        (self.folder / "val" / "val_annotations.txt").unlink()
        self._assert_refused(DataNotFoundError, "val/val_annotations.txt is missing", "test")

    def test_empty_annotations(self):
        (self.folder / "val" / "val_annotations.txt").write_text("")
        self._assert_refused(ValueError, "val/val_annotations.txt it is empty", "test")

    @parameterized.parameters(("val_0.JPEG\tn09\n", "'n09'"), ("val_0.JPEG\n", "''"))
    def test_annotation_of_an_unknown_class(self, line, wnid):
        (self.folder / "val" / "val_annotations.txt").write_text("val_1.JPEG\tn01\n" + line)
        self._assert_refused(ValueError, f"line 2 names the class {wnid}", "test")

    def test_annotation_of_a_missing_image(self):
        (self.folder / "val" / "images" / "val_3.JPEG").unlink()
        self._assert_refused(DataNotFoundError, "val/images/val_3.JPEG is missing", "test")

    def test_image_of_another_size_is_refused_when_read(self):
        _write_jpeg(self.folder / "train" / "n03" / "images" / "n03_0.JPEG", 0, size=7)
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, r"\[7,7,3\]"):
            self._load("train")

    def test_split_is_checked(self):
        with self.assertRaisesRegex(ValueError, "`split` must"):
            self._load("val")
