import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines.sources.validation_carve import carve_validation

_LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [40, 30, 10]))


class CarveValidationTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(0, 0.1, 0.25, 0.5)
    def test_parts_are_disjoint_and_exhaustive(self, share):
        train, validation = carve_validation(_LABELS, share)
        self.assertEqual(sorted([*train, *validation]), list(range(80)))

    @parameterized.parameters(
        (0, [0, 0, 0]), (0.1, [4, 3, 1]), (0.5, [20, 15, 5]), (0.01, [1, 1, 1])
    )
    def test_every_class_gives_its_share(self, share, expected):
        _, validation = carve_validation(_LABELS, share)
        self.assertAllEqual(np.bincount(_LABELS[validation], minlength=3), expected)

    def test_class_keeps_its_last_image(self):
        train, validation = carve_validation([0, 1, 1], 0.5)
        self.assertEqual((0 in train, len(validation)), (True, 1))

    def test_both_parts_keep_the_order(self):
        for part in carve_validation(_LABELS, 0.3):
            self.assertAllEqual(part, np.sort(part))

    def test_same_arguments_give_the_same_parts(self):
        for first, second in zip(
            carve_validation(_LABELS, 0.3), carve_validation(_LABELS, 0.3), strict=True
        ):
            self.assertAllEqual(first, second)

    def test_larger_share_keeps_the_smaller_one(self):
        _, small = carve_validation(_LABELS, 0.1)
        _, large = carve_validation(_LABELS, 0.4)
        self.assertContainsSubset(small, large)

    def test_images_are_chosen_from_the_whole_class(self):
        labels = np.zeros(1000, int)
        _, validation = carve_validation(labels, 0.1)
        # The mean of 100 of 1,000 uniform positions has a standard deviation of about 27.
        self.assertNear(validation.mean(), 499.5, 110)
