import numpy as np
import tensorflow as tf

from pipelines.sources.held_out_test import carve_test
from pipelines.sources.validation_carve import carve_validation

_LABELS = np.repeat([0, 1, 2], [40, 30, 10])


class CarveTestTest(tf.test.TestCase):
    def test_every_class_gives_its_share(self):
        train, test = carve_test(_LABELS, 0.2)
        self.assertEqual(sorted([*train, *test]), list(range(80)))
        self.assertAllEqual(np.bincount(_LABELS[test]), [8, 6, 2])

    def test_it_is_not_drawn_like_validation(self):
        _, test = carve_test(_LABELS, 0.2)
        _, validation = carve_validation(_LABELS, 0.2)
        # Of two independent draws of a fifth, a fifth is shared: 3 of 16.
        self.assertBetween(len(set(test) & set(validation)), 0, 9)

    def test_more_images_of_a_class_leave_the_others_alone(self):
        _, before = carve_test(_LABELS, 0.2)
        _, after = carve_test(np.concatenate([_LABELS, [1] * 5]), 0.2)
        self.assertAllEqual(
            before[_LABELS[before] != 1], [i for i in after if i < 40 or 70 <= i < 80]
        )


if __name__ == "__main__":
    tf.test.main()
