import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines.sources.split import carve_test, carve_validation, check_split

_LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [40, 30, 10]))


class CheckSplitTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("val", 0.1, "`split` must be one of "),
        (None, 0.1, "`split` must be one of "),
        ("test", -0.1, r"`validation_share` must be in \[0, 0.5\]"),
        ("test", 0.51, r"`validation_share` must be in \[0, 0.5\]"),
        ("test", float("nan"), r"`validation_share` must be in \[0, 0.5\]"),
        ("validation", 0, "`validation_share` must be above 0 "),
    )
    def test_arguments_of_sources_are_checked(self, split, share, fault):
        with self.assertRaisesRegex(ValueError, f"{fault}.* Received: "):
            check_split(split, share)


class CarveTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(carve=[carve_validation, carve_test], share=[0.1, 0.25, 0.5])
    def test_parts_are_disjoint_exhaustive_and_in_order(self, carve, share):
        train, held_out = carve(_LABELS, share)
        self.assertEqual(sorted([*train, *held_out]), list(range(80)))
        for part in (train, held_out):
            self.assertAllEqual(part, np.sort(part))

    @parameterized.parameters(
        (0, [0, 0, 0]), (0.1, [4, 3, 1]), (0.5, [20, 15, 5]), (0.01, [1, 1, 1])
    )
    def test_every_class_gives_its_share(self, share, expected):
        _, validation = carve_validation(_LABELS, share)
        self.assertAllEqual(np.bincount(_LABELS[validation], minlength=3), expected)

    def test_class_keeps_its_last_image(self):
        train, validation = carve_validation([0, 1, 1], 0.5)
        self.assertEqual((0 in train, len(validation)), (True, 1))

    def test_the_same_images_as_ever(self):
        # What runs of earlier versions have validated and tested on.
        self.assertAllEqual(carve_validation(np.zeros(20, int), 0.2)[1], [0, 13, 17, 19])
        self.assertAllEqual(carve_test(np.zeros(20, int), 0.2)[1], [4, 5, 17, 19])

    def test_more_images_of_a_class_leave_the_others_alone(self):
        _, before = carve_test(_LABELS, 0.2)
        _, after = carve_test(np.append(_LABELS, [1] * 5), 0.2)
        others = [index for index in after if index < 80 and _LABELS[index] != 1]
        self.assertAllEqual(before[_LABELS[before] != 1], others)

    def test_test_images_are_not_drawn_like_validation(self):
        _, test = carve_test(_LABELS, 0.2)
        _, validation = carve_validation(_LABELS, 0.2)
        # Of two independent draws of a fifth, a fifth is shared: 3 of 16.
        self.assertBetween(len(set(test) & set(validation)), 0, 9)
