import hashlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from sklearn import datasets

from pipelines.sources import DigitsSource, FashionMnistSmallSource
from pipelines.sources.array_source import EMBEDDED_FILE
from tests.pipelines.numbered_source import NumberedSource


def _numbers(dataset):
    return [int(image[0, 0, 0]) for image, _ in dataset]


class ArraySourceTest(tf.test.TestCase, parameterized.TestCase):
    def test_test_split_is_the_official_one(self):
        self.assertEqual(_numbers(NumberedSource(20, 7).load("test")), list(range(7)))

    @parameterized.parameters(0.1, 0.3, 0.5)
    def test_train_and_validation_are_disjoint_and_exhaustive(self, share):
        source = NumberedSource(20, 7)
        train = _numbers(source.load("train", validation_share=share))
        validation = _numbers(source.load("validation", validation_share=share))
        self.assertEqual(sorted(train + validation), list(range(20)))
        self.assertLen(validation, round(20 * share))

    def test_arguments_are_checked(self):
        with self.assertRaisesRegex(ValueError, "`split` must"):
            NumberedSource(20, 7).load("dev")


class DigitsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(("train", slice(1197)), ("test", slice(1197, None)))
    def test_the_last_600_images_are_for_testing(self, part, rows):
        images, labels = DigitsSource().read(part)
        bunch = datasets.load_digits()
        self.assertEqual(images.dtype, np.uint8)
        self.assertAllEqual(labels, bunch.target[rows])
        self.assertAllEqual(images[..., 0], np.round(bunch.images[rows] / 16 * 255))


class FashionMnistSmallTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("train", 800, [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]),
        ("test", 200, [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]),
    )
    def test_images_of_every_class_in_the_official_order(self, part, per_class, first):
        images, labels = FashionMnistSmallSource().read(part)
        self.assertEqual((images.shape, images.dtype), ((10 * per_class, 28, 28, 1), np.uint8))
        self.assertAllEqual(np.bincount(labels), [per_class] * 10)
        self.assertAllEqual(labels[:10], first)

    def test_readme_records_the_digest_of_the_file(self):
        readme = EMBEDDED_FILE.with_name("README.md").read_text(encoding="utf-8")
        self.assertIn(f"`{hashlib.sha256(EMBEDDED_FILE.read_bytes()).hexdigest()}`", readme)
        self.assertIn("Copyright © 2017 Zalando SE", readme)
