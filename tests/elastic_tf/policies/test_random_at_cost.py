import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.policies.random_at_cost import random_at_cost

COSTS = np.array([[0, 10, 20, 40], [0, 30, 60, 100], [0, 5, 9, 20]])
FULL = 160


def _costs(levels):
    return COSTS[np.arange(3), levels].sum(axis=1)


class RandomAtCostTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(0.05, 0.3, 0.5, 0.8, 0.97)
    def test_mean_cost_is_the_wanted_one(self, share):
        levels = random_at_cost(20_000, COSTS, share * FULL)
        # The cost of a model deviates by less than 60: the mean of 20,000 by less than 0.43.
        self.assertAllClose(_costs(levels).mean(), share * FULL, atol=4 * 0.43)

    @parameterized.parameters((-5, 0), (0, 0), (FULL, 3), (2 * FULL, 3))
    def test_what_is_out_of_reach_gives_the_nearest(self, mean_cost, level):
        self.assertAllEqual(random_at_cost(50, COSTS, mean_cost), np.full((50, 3), level))

    def test_the_mean_of_the_levels_gives_uniform_ones(self):
        levels = random_at_cost(20_000, COSTS, COSTS.mean(axis=1).sum())
        for block in range(3):
            counts = np.bincount(levels[:, block], minlength=4)
            # 5000 each, with a standard deviation of 61.
            self.assertAllClose(counts, np.full(4, 5000), atol=300)

    def test_models_differ_between_seeds_and_not_between_calls(self):
        first, again, other = (random_at_cost(50, COSTS, 80, seed) for seed in (1, 1, 2))
        self.assertAllEqual(first, again)
        self.assertNotAllEqual(first, other)

    def test_equal_costs_are_allowed(self):
        levels = random_at_cost(10, np.zeros((2, 3)), 0.0)
        self.assertEqual(levels.shape, (10, 2))


if __name__ == "__main__":
    tf.test.main()
