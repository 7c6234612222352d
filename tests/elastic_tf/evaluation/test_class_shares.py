import numpy as np
import tensorflow as tf

from elastic_tf.evaluation.class_shares import class_shares

LABELS = np.array([0] * 6 + [1] * 3 + [2] * 1)


class ClassSharesTest(tf.test.TestCase):
    def test_shares_and_their_ratio(self):
        shares = class_shares(LABELS, [0, 6, 7, 8], 3)
        self.assertEqual([each["count"] for each in shares], [1, 3, 0])
        self.assertAllClose([each["group_share"] for each in shares], [0.25, 0.75, 0.0])
        self.assertAllClose([each["task_share"] for each in shares], [0.6, 0.3, 0.1])
        self.assertAllClose([each["lift"] for each in shares], [0.25 / 0.6, 2.5, 0.0])

    def test_a_class_without_images_has_no_ratio(self):
        self.assertIsNone(class_shares(LABELS, [0], 4)[3]["lift"])

    def test_deviations_are_those_of_random_groups(self):
        rng = np.random.default_rng(0)
        group = rng.permutation(10)[:4]
        draws = [np.bincount(LABELS[rng.permutation(10)[:4]], minlength=3) for _ in range(20_000)]
        expected = np.bincount(LABELS[group], minlength=3) - np.mean(draws, axis=0)
        expected /= np.std(draws, axis=0)
        found = [each["z"] for each in class_shares(LABELS, group, 3)]
        self.assertAllClose(found, expected, atol=0.05)

    def test_all_images_deviate_from_nothing(self):
        self.assertAllEqual([e["z"] for e in class_shares(LABELS, np.arange(10), 3)], [0, 0, 0])

    def test_an_empty_group_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`group` must hold.*Received: none"):
            class_shares(LABELS, [], 3)


if __name__ == "__main__":
    tf.test.main()
