"""Tests of policies."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.policies import sampling
from elastic_tf.policies.sampling import greedy, random_at_cost, randomly_priced, straight_through


class SamplingTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.logits = tf.constant([[[0.0, 2.0, 1.0], [3.0, 0.0, 0.0]]])
        self.many = tf.repeat(self.logits, 4000, axis=0)
        self.seed = tf.constant([1, 2])

    def _frequencies(self, levels, block):
        return np.bincount(np.asarray(levels)[:, block], minlength=3) / len(levels)

    def test_greedy_takes_the_largest(self):
        self.assertAllEqual(sampling.greedy(self.logits), [[1, 0]])

    @parameterized.parameters(0, 1)
    def test_sampled_follows_the_softmax(self, block):
        frequencies = self._frequencies(sampling.sampled(self.many, self.seed), block)
        exponentials = np.exp(self.logits[0, block].numpy())
        self.assertAllClose(frequencies, exponentials / exponentials.sum(), atol=0.03)

    def test_the_same_seed_draws_the_same(self):
        first = sampling.sampled(self.many, self.seed)
        self.assertAllEqual(first, sampling.sampled(self.many, self.seed))
        self.assertNotAllEqual(first, sampling.sampled(self.many, self.seed + 1))

    def test_epsilon_0_is_sampling(self):
        frequencies = self._frequencies(sampling.epsilon_mixed(self.many, 0.0, self.seed), 1)
        self.assertAllClose(frequencies[0], np.exp(3) / (np.exp(3) + 2), atol=0.03)

    def test_epsilon_1_forgets_the_logits(self):
        frequencies = self._frequencies(sampling.epsilon_mixed(self.many, 1.0, self.seed), 1)
        self.assertAllClose(frequencies, [1 / 3] * 3, atol=0.03)

    def test_uniform_draws_every_level_alike(self):
        levels = sampling.uniform(4000, 2, 3, self.seed)
        self.assertAllClose(self._frequencies(levels, 0), [1 / 3] * 3, atol=0.03)

    def test_fixed_choices(self):
        self.assertAllEqual(sampling.fixed_level(2, 3, 1), [[1, 1, 1]] * 2)
        self.assertAllEqual(sampling.fixed_model(2, [0, 2, 1]), [[0, 2, 1]] * 2)

    def test_log_probability_by_hand(self):
        expected = np.log(np.e / (1 + np.e + np.e**2)) + np.log(1 / (2 + np.e**3))
        self.assertAllClose(sampling.log_probability(self.logits, [[2, 1]]), [expected], rtol=1e-5)

    def test_log_probability_does_not_underflow(self):
        logits = tf.constant([[[0.0, 200.0]] * 20])
        self.assertAllClose(sampling.log_probability(logits, [[0] * 20]), [-4000.0])

    def test_entropy_by_hand(self):
        entropy = sampling.entropy(tf.constant([[[0.0, 0.0, 0.0], [100.0, 0.0, 0.0]]]))
        self.assertAllClose(entropy, [[np.log(3), 0.0]], atol=1e-5)

    def test_uniform_divergence_by_hand(self):
        divergence = sampling.uniform_divergence(tf.constant([[[0.0, 0.0], [np.log(3.0), 0.0]]]))
        expected = 0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25)
        self.assertAllClose(divergence, [[0.0, expected]], atol=1e-6)


class StraightThroughTest(tf.test.TestCase):
    def test_gates_are_one_hot_draws_from_the_softmax(self):
        probabilities = np.array([0.1, 0.2, 0.7])
        logits = tf.constant(np.tile(np.log(probabilities), (3000, 2, 1)), tf.float32)
        gates = straight_through(logits, 0.3, tf.constant([1, 2])).numpy()
        self.assertAllClose(np.sort(gates, axis=-1), np.tile([0, 0, 1.0], (3000, 2, 1)), atol=1e-6)
        self.assertAllClose(gates.mean(axis=0), np.tile(probabilities, (2, 1)), atol=0.03)

    def test_the_same_seed_gives_the_same_gates(self):
        logits = tf.zeros((50, 2, 4))
        first, again, other = (
            straight_through(logits, 1.0, tf.constant([7, seed])) for seed in (0, 0, 1)
        )
        self.assertAllEqual(first, again)
        self.assertNotAllEqual(first, other)

    def test_the_gradient_is_finite_where_a_level_is_sure(self):
        logits = tf.constant([[[80.0, 0.0, -80.0]]])
        with tf.GradientTape() as tape:
            tape.watch(logits)
            total = tf.reduce_sum(straight_through(logits, 0.1, tf.constant([0, 0])) * [1.0, 2, 3])
        self.assertAllClose(total, 1.0)
        self.assertAllClose(tape.gradient(total, logits), [[[0.0, 0.0, 0.0]]], atol=1e-6)


SHARES = np.array([[0.0, 0.1, 0.4], [0.0, 0.2, 0.3]])


class RandomlyPricedTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        logits = [[[0.0, 1.0, 2.0], [3.0, 0.5, 0.0]]]
        self.logits = tf.constant(np.tile(logits, (2000, 1, 1)), tf.float32)
        self.priced = randomly_priced(self.logits, SHARES, tf.constant([1, 2]))

    def test_one_price_for_all_blocks_of_an_image(self):
        taken_off = np.array(self.logits - self.priced)
        prices = taken_off[:, 0, 2] / SHARES[0, 2]
        self.assertAllClose(taken_off, prices[:, None, None] * SHARES, atol=1e-5)

    def test_prices_are_uniform_around_zero(self):
        prices = np.array(self.logits - self.priced)[:, 0, 2] / SHARES[0, 2]
        highest = 2 * 2.5 / 0.35  # Mean range of the logits over the mean range of the shares.
        self.assertAllInRange(prices, -highest, highest)
        self.assertAllClose(
            np.quantile(prices, [0.1, 0.5, 0.9]) / highest, [-0.8, 0, 0.8], atol=0.08
        )

    def test_choices_go_from_the_cheapest_to_the_dearest(self):
        chosen = {tuple(levels) for levels in greedy(self.priced).numpy().tolist()}
        self.assertContainsSubset({(0, 0), (2, 0), (2, 2)}, chosen)

    def test_there_is_no_gradient(self):
        with tf.GradientTape() as tape:
            tape.watch(self.logits)
            priced = randomly_priced(self.logits, SHARES, tf.constant([1, 2]))
        self.assertIsNone(tape.gradient(priced, self.logits))

    def test_equal_logits_stay_as_they_are(self):
        self.assertAllEqual(
            randomly_priced(tf.ones((2, 2, 3)), SHARES, tf.constant([1, 2])), np.ones((2, 2, 3))
        )


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
