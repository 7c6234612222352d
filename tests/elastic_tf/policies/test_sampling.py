"""Tests of policies."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.policies import sampling
from tests import testing

SEED = tf.constant([1, 2])


class SamplingTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.logits = tf.constant([[[0.0, 2.0, 1.0], [3.0, 0.0, 0.0]]])
        self.many = tf.repeat(self.logits, 4000, axis=0)

    def _check_frequencies(self, levels, block, probabilities):
        counts = np.bincount(np.asarray(levels)[:, block], minlength=3)
        self.assertAllClose(counts / len(levels), probabilities, atol=0.03)

    def test_greedy_takes_the_largest(self):
        self.assertAllEqual(sampling.greedy(self.logits), [[1, 0]])

    def test_sampled_follows_the_softmax(self):
        levels = sampling.sampled(self.many, SEED)
        for block in range(2):
            exponentials = np.exp(self.logits[0, block].numpy())
            self._check_frequencies(levels, block, exponentials / exponentials.sum())

    @parameterized.parameters(
        sampling.sampled,
        lambda logits, seed: sampling.epsilon_mixed(logits, 0.5, seed),
        lambda logits, seed: sampling.straight_through(logits, 1.0, seed),
        lambda logits, seed: sampling.quotas(len(logits), 2, 3, seed)[0],
        lambda logits, seed: sampling.random_at_cost(100, np.arange(6).reshape(2, 3), 5, seed[1]),
    )
    def test_the_same_seed_draws_the_same(self, draw):
        first = draw(self.many, (1, 2))
        self.assertAllEqual(first, draw(self.many, (1, 2)))
        self.assertNotAllEqual(first, draw(self.many, (1, 3)))

    def test_epsilon_goes_from_sampling_to_uniform(self):
        likely = np.exp(3) / (np.exp(3) + 2)
        for epsilon, expected in (
            (0.0, [likely, (1 - likely) / 2, (1 - likely) / 2]),
            (1.0, [1 / 3] * 3),
        ):
            levels = sampling.epsilon_mixed(self.many, epsilon, SEED)
            self._check_frequencies(levels, 1, expected)

    def test_uniform_draws_every_level_alike(self):
        self._check_frequencies(sampling.uniform(4000, 2, 3, SEED), 0, [1 / 3] * 3)

    def test_quotas_give_every_level_its_share_of_each_block_over_turns(self):
        counts = []
        for turn in range(3):
            levels, sizes = sampling.quotas(11, 5, 3, SEED, turn)
            counts.append([np.bincount(of_block, minlength=3) for of_block in levels.numpy().T])
            self.assertAllEqual(sizes, counts[-1])
            self.assertAllInRange(np.array(counts[-1]), 3, 4)
        self.assertAllEqual(np.sum(counts, axis=0), np.full((5, 3), 11))

    def test_quotas_of_a_multiple_of_the_levels_are_the_same_at_every_turn(self):
        levels, sizes = sampling.quotas(6, 2, 3, SEED)
        self.assertEqual(sizes, [[2, 2, 2]] * 2)
        self.assertAllEqual(np.sort(levels, axis=0), np.repeat([[0, 0], [1, 1], [2, 2]], 2, axis=0))

    def test_quotas_fall_to_images_and_blocks_independently(self):
        seeds = [tf.constant([1, i]) for i in range(300)]
        levels = np.stack([sampling.quotas(4, 2, 2, seed)[0] for seed in seeds])
        self.assertAllClose(levels.mean(axis=0), np.full((4, 2), 0.5), atol=0.1)
        together = np.mean(levels[:, :, 0] * levels[:, :, 1])
        self.assertAllClose(together, 0.25, atol=0.05)

    @parameterized.parameters((0,), (2,), (tf.constant(0),), (tf.constant(7),))
    def test_quotas_of_few_or_unknown_images_have_no_sizes(self, images):
        levels, sizes = sampling.quotas(images, 5, 3, SEED)
        self.assertEqual(levels.shape, (int(images), 5))
        self.assertIsNone(sizes)

    def test_a_fixed_model_is_the_same_for_all(self):
        self.assertAllEqual(sampling.fixed_model(2, [0, 2, 1]), [[0, 2, 1]] * 2)

    def test_log_probability_by_hand_and_without_underflow(self):
        expected = np.log(np.e / (1 + np.e + np.e**2)) + np.log(1 / (2 + np.e**3))
        self.assertAllClose(sampling.log_probability(self.logits, [[2, 1]]), [expected], rtol=1e-5)
        logits = tf.constant([[[0.0, 200.0]] * 20])
        self.assertAllClose(sampling.log_probability(logits, [[0] * 20]), [-4000.0])

    def test_entropy_and_divergence_by_hand(self):
        entropy = sampling.entropy(tf.constant([[[0.0, 0.0, 0.0], [100.0, 0.0, 0.0]]]))
        self.assertAllClose(entropy, [[np.log(3), 0.0]], atol=1e-5)
        divergence = sampling.uniform_divergence(tf.constant([[[0.0, 0.0], [np.log(3.0), 0.0]]]))
        expected = 0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25)
        self.assertAllClose(divergence, [[0.0, expected]], atol=1e-6)


class StraightThroughTest(testing.TestCase):
    def test_gates_are_one_hot_draws_from_the_softmax(self):
        probabilities = np.array([0.1, 0.2, 0.7])
        logits = tf.constant(np.tile(np.log(probabilities), (3000, 2, 1)), tf.float32)
        gates = sampling.straight_through(logits, 0.3, SEED).numpy()
        self.assertAllClose(np.sort(gates, axis=-1), np.tile([0, 0, 1.0], (3000, 2, 1)), atol=1e-6)
        self.assertAllClose(gates.mean(axis=0), np.tile(probabilities, (2, 1)), atol=0.03)

    def test_the_gradient_is_finite_where_a_level_is_sure(self):
        logits = tf.constant([[[80.0, 0.0, -80.0]]])
        with tf.GradientTape() as tape:
            tape.watch(logits)
            total = tf.reduce_sum(sampling.straight_through(logits, 0.1, SEED) * [1.0, 2, 3])
        self.assertAllClose(total, 1.0)
        self.assertAllClose(tape.gradient(total, logits), [[[0.0, 0.0, 0.0]]], atol=1e-6)


SHARES = np.array([[0.0, 0.1, 0.4], [0.0, 0.2, 0.3]])


class RandomlyPricedTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        logits = [[[0.0, 1.0, 2.0], [3.0, 0.5, 0.0]]]
        self.logits = tf.constant(np.tile(logits, (2000, 1, 1)), tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(self.logits)
            self.priced = sampling.randomly_priced(self.logits, SHARES, SEED)
        self.gradient = tape.gradient(self.priced, self.logits)

    def test_an_image_has_one_price_uniform_around_zero(self):
        taken_off = np.array(self.logits - self.priced)
        prices = taken_off[:, 0, 2] / SHARES[0, 2]
        self.assertAllClose(taken_off, prices[:, None, None] * SHARES, atol=1e-5)
        highest = 2 * 2.5 / 0.35  # Mean range of the logits over the mean range of the shares.
        self.assertAllInRange(prices, -highest, highest)
        quantiles = np.quantile(prices, [0.1, 0.5, 0.9]) / highest
        self.assertAllClose(quantiles, [-0.8, 0, 0.8], atol=0.08)
        self.assertIsNone(self.gradient)

    def test_choices_go_from_the_cheapest_to_the_dearest(self):
        chosen = {tuple(levels) for levels in sampling.greedy(self.priced).numpy().tolist()}
        self.assertContainsSubset({(0, 0), (2, 0), (2, 2)}, chosen)

    def test_equal_logits_stay_as_they_are(self):
        priced = sampling.randomly_priced(tf.ones((2, 2, 3)), SHARES, SEED)
        self.assertAllEqual(priced, np.ones((2, 2, 3)))


COSTS = np.array([[0, 10, 20, 40], [0, 30, 60, 100], [0, 5, 9, 20]])
FULL = 160


class RandomAtCostTest(testing.TestCase):
    @parameterized.parameters(0.05, 0.3, 0.5, 0.8, 0.97)
    def test_mean_cost_is_the_wanted_one(self, share):
        levels = sampling.random_at_cost(20_000, COSTS, share * FULL)
        costs = COSTS[np.arange(3), levels].sum(axis=1)
        # The cost of a model deviates by less than 60: the mean of 20,000 by less than 0.43.
        self.assertAllClose(costs.mean(), share * FULL, atol=4 * 0.43)

    @parameterized.parameters((-5, 0), (0, 0), (FULL, 3), (2 * FULL, 3))
    def test_what_is_out_of_reach_gives_the_nearest(self, mean_cost, level):
        levels = sampling.random_at_cost(50, COSTS, mean_cost)
        self.assertAllEqual(levels, np.full((50, 3), level))

    def test_the_mean_of_the_levels_gives_uniform_ones(self):
        levels = sampling.random_at_cost(20_000, COSTS, COSTS.mean(axis=1).sum())
        for block in range(3):
            counts = np.bincount(levels[:, block], minlength=4)
            # 5000 each, with a standard deviation of 61.
            self.assertAllClose(counts, np.full(4, 5000), atol=300)

    def test_equal_costs_are_allowed(self):
        self.assertEqual(sampling.random_at_cost(10, np.zeros((2, 3)), 0.0).shape, (10, 2))
