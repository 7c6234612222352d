import hashlib
import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines.sources.data_not_found import DataNotFoundError
from pipelines.sources.fashion_mnist_small import EMBEDDED_FILE, FashionMnistSmallSource


class FashionMnistSmallTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(("train", 800), ("test", 200))
    def test_every_class_has_the_same_number_of_images(self, part, per_class):
        images, labels = FashionMnistSmallSource().read(part)
        self.assertEqual((images.shape, images.dtype), ((10 * per_class, 28, 28, 1), np.uint8))
        self.assertAllEqual(np.bincount(labels), [per_class] * 10)

    @parameterized.parameters(
        ("train", [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]), ("test", [9, 2, 1, 1, 6, 1, 4, 6, 5, 7])
    )
    def test_first_labels_are_those_of_the_official_files(self, part, expected):
        _, labels = FashionMnistSmallSource().read(part)
        self.assertAllEqual(labels[:10], expected)

    def test_no_test_image_is_a_train_image(self):
        train, _ = FashionMnistSmallSource().read("train")
        test, _ = FashionMnistSmallSource().read("test")
        self.assertEmpty({image.tobytes() for image in train} & {image.tobytes() for image in test})

    def test_readme_records_the_digest_of_the_file(self):
        readme = EMBEDDED_FILE.with_name("README.md").read_text(encoding="utf-8")
        self.assertIn(f"`{hashlib.sha256(EMBEDDED_FILE.read_bytes()).hexdigest()}`", readme)
        self.assertIn("Copyright © 2017 Zalando SE", readme)


class BrokenFileTest(tf.test.TestCase, parameterized.TestCase):
    def _assert_refused(self, file):
        with self.assertRaises(DataNotFoundError) as caught:
            FashionMnistSmallSource(file).load("train")
        self.assertStartsWith(str(caught.exception), "`file` must be the npz ")
        self.assertEndsWith(str(caught.exception), f"Received: file={file}")

    def _file(self, content):
        folder = self.enter_context(tempfile.TemporaryDirectory())
        file = pathlib.Path(folder) / "images.npz"
        file.write_bytes(content)
        return file

    def test_missing_file(self):
        self._assert_refused(self._file(b"").with_name("none.npz"))

    @parameterized.parameters(0, 1000, 3_000_000)
    def test_cut_file(self, size):
        self._assert_refused(self._file(EMBEDDED_FILE.read_bytes()[:size]))

    def test_damaged_byte(self):
        content = bytearray(EMBEDDED_FILE.read_bytes())
        content[2_000_000] ^= 0xFF
        self._assert_refused(self._file(bytes(content)))

    def test_file_without_the_arrays(self):
        file = self._file(b"")
        np.savez(file, other=np.zeros(3))
        self._assert_refused(file)
