import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines.sources import DataNotFoundError, DigitsSource, NpzSource
from tests.pipelines.own_images import images_of

SPLITS = ("train", "validation", "test")


def _arrays():
    """Returns real images and their labels as they lie in a file, grey, with test arrays."""
    images, labels = DigitsSource().read("train")
    return {
        "x_train": images[:200, :, :, 0],
        "y_train": labels[:200],
        "x_test": images[200:220, :, :, 0],
        "y_test": labels[200:220],
    }


class NpzSourceTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = self.enter_context(tempfile.TemporaryDirectory())
        self.file = pathlib.Path(folder) / "images.npz"

    def _source(self, arrays=None, **options):
        np.savez_compressed(self.file, **(_arrays() if arrays is None else arrays))
        return NpzSource(self.file, **options)

    def test_arrays_are_taken_as_they_are(self):
        arrays = _arrays()
        source = self._source()
        self.assertEqual((source.image_size, source.channels, source.num_classes), (8, 1, 10))
        for split, part in (("train", "train"), ("test", "test"), ("train", "train")):
            images, labels = images_of(source.load(split, validation_share=0))
            self.assertAllEqual(images[..., 0], arrays[f"x_{part}"])
            self.assertAllEqual(labels, arrays[f"y_{part}"])

    def test_images_need_not_be_square(self):
        pixels = np.random.default_rng(0).integers(0, 256, (8, 4, 6, 3), np.uint8)
        arrays = {"x_train": pixels, "y_train": np.arange(8) % 2}
        source = self._source(arrays)
        self.assertEqual(source.image_size, (4, 6))
        images, _ = images_of(source.load("train", validation_share=0))
        self.assertEqual(images.shape[1:], (4, 6, 3))
        images, _ = images_of(
            self._source(arrays, image_size=(2, 9)).load("train", validation_share=0)
        )
        self.assertEqual(images.shape[1:], (2, 9, 3))

    def test_labels_in_a_column(self):
        arrays = _arrays()
        source = self._source(arrays | {"y_train": arrays["y_train"][:, None].astype(np.uint64)})
        _, labels = images_of(source.load("train", validation_share=0))
        self.assertAllEqual(labels, arrays["y_train"])

    def test_without_test_arrays_every_class_gives_its_share(self):
        images, labels = DigitsSource().read("train")
        source = self._source({"x_train": images, "y_train": labels}, test_share=0.3)
        parts = {split: images_of(source.load(split)) for split in SPLITS}
        expected = np.rint(0.3 * np.bincount(labels))
        self.assertAllEqual(np.bincount(parts["test"][1]), expected)
        together = np.concatenate([images for images, _ in parts.values()])
        self.assertLen(together, len(images))
        self.assertLen(
            {image.tobytes() for image in together}, len({image.tobytes() for image in images})
        )

    @parameterized.parameters(True, False)
    def test_arrays_for_validation_are_the_validation_split(self, has_test):
        images, labels = DigitsSource().read("train")
        arrays = {"x_train": images[:200], "y_train": labels[:200]}
        arrays |= {"x_val": images[200:230], "y_val": labels[200:230]}
        if has_test:
            arrays |= {"x_test": images[230:240], "y_test": labels[230:240]}
        source = self._source(arrays)
        found = {split: images_of(source.load(split)) for split in SPLITS}
        self.assertAllEqual(found["validation"][0], images[200:230])
        self.assertAllEqual(found["validation"][1], labels[200:230])
        if has_test:
            self.assertAllEqual(found["train"][0], images[:200])
            self.assertAllEqual(found["test"][0], images[230:240])
        else:
            self.assertEqual(len(found["train"][0]) + len(found["test"][0]), 200)

    def test_opacity_is_on_white(self):
        arrays = _arrays()
        shape = (*arrays["x_train"].shape, 4)
        colours = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        share = colours[..., 3:] / 255
        expected = colours[..., :3] * share + 255 * (1 - share)
        source = self._source({"x_train": colours, "y_train": arrays["y_train"]})
        self.assertEqual(source.channels, 3)
        source = self._source(arrays | {"x_train": colours, "x_test": colours[:20]})
        actual, _ = images_of(source.load("train", validation_share=0))
        self.assertAllClose(actual.astype(float), expected, rtol=0, atol=1)

    @parameterized.parameters(1, 3)
    def test_grey_in_other_channels(self, channels):
        source = self._source(channels=channels)
        images, _ = images_of(source.load("test"))
        expected = np.repeat(_arrays()["x_test"][..., None], channels, axis=-1)
        self.assertAllEqual(images, expected)

    @parameterized.parameters(
        ({"x_train": np.zeros((200, 8, 8), np.float32)}, "uint8, from 0 to 255, not as float32"),
        ({"x_train": np.zeros((200, 8, 8, 2), np.uint8)}, "x_train of shape"),
        ({"x_train": np.zeros((200, 64), np.uint8)}, "x_train of shape"),
        ({"x_train": np.zeros((0, 8, 8), np.uint8)}, "x_train of shape"),
        ({"y_train": np.zeros(199, int)}, "a label in y_train for each of the 200 images"),
        ({"y_train": np.zeros((200, 10), int)}, "a label in y_train for each of the 200 images"),
        ({"y_train": np.zeros(200)}, "integers >= 0 in y_train"),
        ({"y_train": np.full(200, -1)}, "integers >= 0 in y_train"),
        ({"y_train": np.zeros(200, int)}, "at least 2 classes"),
        ({"y_train": np.repeat([0, 2], 100)}, "from 0 to 2 in y_train, which lacks 1"),
        ({"y_train": np.repeat([1, 2], 100)}, "from 0 to 2 in y_train, which lacks 0"),
        ({"y_train": np.repeat([0, 10**15], 100)}, "which lacks 1"),
        ({"y_train": np.array([{}] * 200)}, "undamaged"),
        ({"x_train": None}, "both x_train and y_train"),
        ({"y_train": None}, "both x_train and y_train"),
        ({"y_test": None}, "both x_test and y_test"),
        ({"x_test": None}, "both x_test and y_test"),
        ({"x_val": np.zeros((20, 8, 8), np.uint8)}, "both x_val and y_val"),
        ({"y_test": np.full(20, 10)}, "labels of y_train, which end at 9, not 10"),
        ({"x_test": np.zeros((20, 9, 9), np.uint8)}, "images of one shape"),
    )
    def test_other_arrays_are_refused(self, changes, fault):
        arrays = {name: array for name, array in (_arrays() | changes).items() if array is not None}
        with self.assertRaisesRegex(DataNotFoundError, f"`npz` must hold .*{fault}") as caught:
            self._source(arrays)
        self.assertEndsWith(str(caught.exception), f"Received: npz={self.file}")

    def test_classes_of_one_image_cannot_be_divided(self):
        arrays = _arrays()
        labels = np.append(arrays["y_train"][:-2], [10, 11])
        fault = "at least 2 images of every class, but there is 1 of 10, 11: each needs more"
        with self.assertRaisesRegex(DataNotFoundError, fault):
            self._source({"x_train": arrays["x_train"], "y_train": labels})

    def test_a_missing_file(self):
        with self.assertRaisesRegex(DataNotFoundError, "`npz` must be a file that exists"):
            NpzSource(self.file)

    @parameterized.parameters(0, 100, 0.5, 0.99)
    def test_a_cut_file(self, size):
        self._source()
        content = self.file.read_bytes()
        self.file.write_bytes(content[: int(size * len(content)) if size < 1 else size])
        with self.assertRaisesRegex(DataNotFoundError, "`npz` must hold .* undamaged"):
            NpzSource(self.file)

    # In the compressed pixels, in their checksums' reach, and in the zip's list of files.
    @parameterized.parameters(100, 854, -240)
    def test_a_changed_byte(self, position):
        self._source()
        content = bytearray(self.file.read_bytes())
        content[position] ^= 0xFF
        self.file.write_bytes(content)
        with self.assertRaisesRegex(DataNotFoundError, "`npz` must hold .* undamaged"):
            NpzSource(self.file)

    def test_a_single_array(self):
        with self.file.open("wb") as stream:
            np.save(stream, np.zeros(3))
        with self.assertRaisesRegex(DataNotFoundError, "`npz` must hold .* undamaged"):
            NpzSource(self.file)
