import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.costs.cost_table import CostTable
from elastic_tf.training.rewards import gated_costs, model_costs, reward


class RewardTest(tf.test.TestCase, parameterized.TestCase):
    def test_the_papers_formula_by_hand(self):
        rewards = reward(tf.constant([0.5, 2.0]), tf.constant([1.0, 0.5]), price=0.1)
        self.assertAllClose(rewards, [0.5, (1 - 0.25) / 10 - 2.0 + 1])

    def test_at_exponent_1_the_cost_is_charged_as_it_is(self):
        rewards = reward(tf.constant([0.5]), tf.constant([0.25]), price=2.0, exponent=1.0)
        self.assertAllClose(rewards, [0.75 * 2.0 - 0.5 + 1])

    def test_batch_credit_charges_the_mean(self):
        rewards = reward(tf.zeros((1, 2)), tf.constant([[1.0, 0.0]]), price=1.0, credit="batch")
        self.assertAllClose(rewards, [[1.75, 1.75]])

    @parameterized.parameters(("density", (0.25 + 1.0) / 2), ("macs", (10 + 20 + 50) / (10 + 150)))
    def test_costs_by_hand(self, kind, expected):
        table = CostTable(10, [[0, 20, 100], [0, 25, 50]], [[0, 1, 4], [0, 4, 8]], selector_macs=7)
        levels = np.array([[[1, 2]]])
        self.assertAllClose(model_costs(table, levels, kind), [[expected]])
        self.assertAllClose(gated_costs(table, tf.one_hot(levels, 3), kind), [[expected]])

    def test_unknown_credit_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`credit` must be one of"):
            reward(tf.zeros(1), tf.zeros(1), 1.0, credit="nobody")


if __name__ == "__main__":
    tf.test.main()
