import tensorflow as tf

from elastic_tf.training.rewards import reward


class RewardTest(tf.test.TestCase):
    def test_the_papers_formula_by_hand(self):
        rewards = reward(tf.constant([0.5, 2.0]), tf.constant([1.0, 0.5]), rho=10.0)
        self.assertAllClose(rewards, [0.5, (1 - 0.25) / 10 - 2.0 + 1])

    def test_batch_credit_charges_the_mean(self):
        rewards = reward(tf.zeros((1, 2)), tf.constant([[1.0, 0.0]]), rho=1.0, credit="batch")
        self.assertAllClose(rewards, [[1.75, 1.75]])

    def test_unknown_credit_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`credit` must be one of"):
            reward(tf.zeros(1), tf.zeros(1), 1.0, credit="nobody")


if __name__ == "__main__":
    tf.test.main()
