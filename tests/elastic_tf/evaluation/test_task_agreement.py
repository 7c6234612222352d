import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.task_agreement import task_agreement


class TaskAgreementTest(tf.test.TestCase, parameterized.TestCase):
    def test_the_same_distribution_agrees_whatever_the_number_of_images(self):
        levels = np.array([[0, 1], [2, 2], [0, 1]])
        found = task_agreement(levels, np.tile(levels, (4, 1)), 3)
        self.assertAllClose(found["overlap"], 1.0)
        self.assertAllClose(found["divergence"], 0.0, atol=1e-9)
        self.assertEqual(found["shared_models"], 2)
        self.assertAllClose(found["level_overlap"], [1.0, 1.0])

    def test_no_model_in_common(self):
        found = task_agreement([[0, 1]], [[0, 2], [0, 0]], 3)
        self.assertEqual((found["overlap"], found["shared_models"]), (0.0, 0))
        self.assertAllClose(found["divergence"], 1.0)
        self.assertAllClose(found["level_overlap"], [1.0, 0.0])

    def test_by_hand(self):
        # p = (3/4, 1/4, 0), q = (1/2, 0, 1/2): m = (5/8, 1/8, 1/4).
        found = task_agreement([[0], [0], [0], [1]], [[0], [2]], 3)
        self.assertAllClose(found["overlap"], 0.5)
        entropies = [
            -sum(x * np.log2(x) for x in of if x)
            for of in ([5 / 8, 1 / 8, 1 / 4], [3 / 4, 1 / 4], [1 / 2, 1 / 2])
        ]
        self.assertAllClose(found["divergence"], entropies[0] - (entropies[1] + entropies[2]) / 2)

    @parameterized.parameters(((2, 3), (2, 4)), ((0, 3), (2, 3)), ((3,), (3,)))
    def test_other_arrays_are_refused(self, *shapes):
        with self.assertRaisesRegex(ValueError, "`first` and `second`.*Received: shapes"):
            task_agreement(*(np.zeros(shape, int) for shape in shapes), 4)


if __name__ == "__main__":
    tf.test.main()
