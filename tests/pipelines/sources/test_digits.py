import numpy as np
import tensorflow as tf
from sklearn import datasets

from pipelines.sources.digits import DigitsSource


class DigitsTest(tf.test.TestCase):
    def test_first_1197_images_are_for_training(self):
        images, labels = DigitsSource().read("train")
        bunch = datasets.load_digits()
        self.assertEqual(images.shape, (1197, 8, 8, 1))
        self.assertAllEqual(labels, bunch.target[:1197])
        self.assertAllEqual(images[..., 0], np.round(bunch.images[:1197] / 16 * 255))

    def test_last_600_images_are_for_testing(self):
        images, labels = DigitsSource().read("test")
        bunch = datasets.load_digits()
        self.assertEqual(images.shape, (600, 8, 8, 1))
        self.assertAllEqual(labels, bunch.target[1197:])
        self.assertAllEqual(images[..., 0], np.round(bunch.images[1197:] / 16 * 255))

    def test_pixels_fill_the_range_of_uint8(self):
        images, _ = DigitsSource().read("train")
        self.assertEqual((images.dtype, images.min(), images.max()), (np.uint8, 0, 255))
