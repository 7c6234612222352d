import tensorflow as tf

from elastic_tf.training.baselines import advantages


class AdvantagesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.rewards = tf.constant([[1.0, 5.0], [2.0, 5.0], [6.0, 2.0]])

    def test_leave_one_out_by_hand(self):
        expected = [[1 - 4, 5 - 3.5], [2 - 3.5, 5 - 3.5], [6 - 1.5, 2 - 5]]
        self.assertAllClose(advantages(self.rewards), expected)

    def test_none_leaves_the_rewards(self):
        self.assertAllEqual(advantages(self.rewards, "none"), self.rewards)

    def test_one_sample_is_too_few(self):
        with self.assertRaisesRegex(ValueError, "at least 2 samples"):
            advantages(self.rewards[:1])

    def test_unknown_baseline_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`baseline` must be one of"):
            advantages(self.rewards, "mean")


if __name__ == "__main__":
    tf.test.main()
