"""Tests of the selector's losses."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.costs.cost_table import CostTable
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.training.selector_loss import (
    SELECTOR_GRADIENTS,
    advantages,
    choice_price,
    gated_costs,
    gumbel_loss,
    minimum_risk_loss,
    model_costs,
    policy_gradient_loss,
    reinforce_loss,
    reward,
    sample_models,
)
from elastic_tf.training.settings import MethodSettings
from tests.testing import TASKS, random_batch, randomise


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


class SelectorLossTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        randomise(self.network)
        self.images, self.labels = random_batch(batch=4)["grey"]

    def test_samples_differ_and_have_their_shape(self):
        levels = sample_models(tf.zeros((50, 3, 4)), 0.0, 3, tf.constant([1, 2]))
        self.assertEqual(levels.shape, (3, 50, 3))
        self.assertNotAllEqual(levels[0], levels[1])

    def _run(self, loss_of, logits=None, price=0.2, epsilon=0.0, **settings):
        logits = tf.zeros((4, 3, 4)) if logits is None else logits
        defaults = {"samples_per_image": 2, "cost": "density", "cost_exponent": 2.0}
        settings = MethodSettings(**defaults | settings)
        seed = tf.constant([1, 2])
        return loss_of(
            self.network, self.images, self.labels, logits, "grey", settings, price, epsilon, seed
        )

    @parameterized.parameters(*SELECTOR_GRADIENTS)
    def test_rewards_are_those_of_each_image_and_model_alone(self, name):
        _, rewards, levels = self._run(SELECTOR_GRADIENTS[name])
        widths = np.array([0, 0.25, 0.5, 1.0])
        self.assertNotAllEqual(levels[0], levels[1])
        for sample in range(2):
            for i in range(4):
                chosen = levels[sample, i : i + 1]
                logits = self.network.estimator(self.images[i : i + 1], levels=chosen, task="grey")
                log_softmax = logits[0] - tf.reduce_logsumexp(logits[0])
                density = widths[chosen[0]].mean()
                expected = (1 - density**2) / 5.0 + log_softmax[int(self.labels[i])] + 1
                self.assertAllClose(rewards[sample, i], expected, rtol=1e-5, atol=1e-4)

    @parameterized.parameters(*SELECTOR_GRADIENTS)
    def test_cost_by_macs(self, name):
        by_density, by_macs = (
            self._run(SELECTOR_GRADIENTS[name], price=50.0, cost=cost)
            for cost in ("density", "macs")
        )
        self.assertAllEqual(by_density.levels, by_macs.levels)
        levels = by_macs.levels.numpy()
        table = self.network.cost_table("grey")
        macs = table.fixed_macs + sum(table.block_macs[i][levels[..., i]] for i in range(3))
        density = np.array([0, 0.25, 0.5, 1.0])[levels].mean(axis=-1)
        dearer = (macs / table.full_macs) ** 2 - density**2
        self.assertAllClose(by_density.rewards - by_macs.rewards, 50 * dearer, atol=1e-3)

    @parameterized.parameters(*SELECTOR_GRADIENTS)
    def test_the_gradient_points_to_what_pays(self, name):
        # Where all answers are alike, only the price is left: less of every block earns more.
        head = self.network.estimator.heads["grey"].linear
        head.kernel.assign(tf.zeros_like(head.kernel))
        logits, total = tf.Variable(tf.zeros((4, 3, 4))), 0.0
        for seed in range(40):
            with tf.GradientTape() as tape:
                loss = SELECTOR_GRADIENTS[name](
                    self.network,
                    self.images,
                    self.labels,
                    tf.convert_to_tensor(logits),
                    "grey",
                    MethodSettings(
                        samples_per_image=8,
                        entropy_weight=0,
                        exploration_weight=0,
                        cost="density",
                        cost_exponent=2.0,
                    ),
                    1.0,
                    0.0,
                    tf.constant([seed, 0]),
                ).loss
            total += tape.gradient(loss, logits).numpy()
        # Of a cost that is a square, by enumeration of all 64 models.
        widths = np.array([0, 0.25, 0.5, 1.0])
        models = np.stack(np.meshgrid(*[widths] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        costs = models.mean(axis=1) ** 2
        slope = [costs[models[:, 0] == width].mean() - costs.mean() for width in widths]
        measured = total.mean(axis=(0, 1)) / 40 * 4 * 4
        if name == "reinforce":
            self.assertAllClose(measured, slope, atol=0.06)
        else:  # Biased, but not in its order.
            self.assertAllGreater(np.diff(measured), 0.01)

    def test_the_minimum_risk_is_that_of_the_choice_among_the_models_drawn(self):
        logits = tf.random.stateless_normal((4, 3, 4), (3, 4))
        settings = {"samples_per_image": 3, "entropy_weight": 0, "exploration_weight": 0}
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss, rewards, levels = self._run(
                minimum_risk_loss, logits, selector_gradient="minimum_risk", **settings
            )

        def by_hand(logits):
            log_q = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
            weights = np.zeros(levels.shape[:2])
            for s, sample in enumerate(levels.numpy()):
                for i, row in enumerate(sample):
                    weights[s, i] = np.exp(0.3 * sum(log_q[i, b, row[b]] for b in range(3)))
            return -np.mean((weights * rewards.numpy()).sum(0) / weights.sum(0)) / 0.3

        at = logits.numpy().astype(np.float64)
        self.assertAllClose(loss, by_hand(at), rtol=1e-5)
        slope = np.zeros_like(at)
        for place in np.ndindex(at.shape):
            step = np.zeros_like(at)
            step[place] = 1e-5
            slope[place] = (by_hand(at + step) - by_hand(at - step)) / 2e-5
        self.assertAllClose(tape.gradient(loss, logits), slope, atol=1e-4)

    def test_the_models_of_minimum_risk_go_from_cheap_to_dear(self):
        # The choice itself is always the last level.
        logits = tf.tile(tf.constant([[[0.0, 10, 20, 30]]]), (4, 3, 1))
        settings = {"samples_per_image": 20, "selector_gradient": "minimum_risk"}
        levels = self._run(minimum_risk_loss, logits, **settings).levels.numpy()
        self.assertLess(levels.mean(axis=-1).min(), 1)
        self.assertEqual(levels.mean(axis=-1).max(), 3)

    def test_the_gumbel_gradient_is_that_of_the_softmax(self):
        logits = tf.random.stateless_normal((4, 3, 4), (3, 4))
        settings = {"samples_per_image": 1, "entropy_weight": 0, "exploration_weight": 0}
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss, _, levels = self._run(
                gumbel_loss, logits, selector_gradient="gumbel", temperature=0.5, **settings
            )
        # The chain by hand: of the loss by the gates, then of the softmax of the same noise.
        noise = tf.random.stateless_uniform(
            (4, 3, 4), tf.random.split(tf.constant([1, 2]), 1)[0], minval=1e-7
        ).numpy()
        noisy = (logits.numpy() - np.log(-np.log(noise))) / 0.5
        soft = np.exp(noisy) / np.exp(noisy).sum(-1, keepdims=True)
        gates = tf.one_hot(levels[0], 4)
        with tf.GradientTape() as gate_tape:
            gate_tape.watch(gates)
            answers = self.network.estimator(self.images, gates=gates, task="grey")
            cost = tf.reduce_mean(tf.reduce_sum(gates * [0, 0.25, 0.5, 1.0], -1), -1)
            expected_loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(self.labels, answers)
                - (1 - cost**2) * 0.2
                - 1
            )
        slope = gate_tape.gradient(expected_loss, gates).numpy()
        expected = soft * (slope - (soft * slope).sum(-1, keepdims=True)) / 0.5
        self.assertAllClose(loss, expected_loss, atol=1e-5)
        self.assertAllClose(tape.gradient(loss, logits), expected, rtol=1e-3, atol=1e-4)

    def test_exploration_draws_what_the_selector_would_not(self):
        sure = tf.one_hot(tf.zeros((4, 3), tf.int32), 4, on_value=50.0)
        self.assertAllEqual(self._run(reinforce_loss, sure).levels, np.zeros((2, 4, 3)))
        self.assertNotAllEqual(
            self._run(reinforce_loss, sure, epsilon=1.0).levels, np.zeros((2, 4, 3))
        )

    def test_gradient_is_the_score_function_by_hand(self):
        logits = tf.Variable([[[0.0, 1.0]]])
        levels, rewards = tf.constant([[[0]], [[1]]]), tf.constant([[3.0], [1.0]])
        settings = MethodSettings(entropy_weight=0.0, exploration_weight=0.0)
        with tf.GradientTape() as tape:
            loss = policy_gradient_loss(logits, levels, rewards, settings)
        p = 1 / (1 + np.exp(1.0))  # of level 0
        # d log q(level) / d logit_0 is 1 - p for level 0 and -p for level 1; advantages 2 and -2.
        expected = -((1 - p) * 2 + (-p) * -2) / 2
        self.assertAllClose(tape.gradient(loss, logits)[0, 0], [expected, -expected], rtol=1e-5)

    def test_entropy_bonus_sums_over_blocks(self):
        logits = tf.zeros((1, 3, 4))
        loss = choice_price(logits, MethodSettings(entropy_weight=0.5))
        self.assertAllClose(loss, -0.5 * 3 * np.log(4), rtol=1e-5)

    def test_exploration_still_pulls_where_entropy_has_faded(self):
        logits = tf.Variable([[[30.0, 0.0]]])
        pulls = []
        for weights in ((1.0, 0.0), (0.0, 1.0)):
            settings = MethodSettings(entropy_weight=weights[0], exploration_weight=weights[1])
            with tf.GradientTape() as tape:
                loss = choice_price(logits, settings)
            pulls.append(float(tape.gradient(loss, logits)[0, 0, 0]))
        self.assertAllClose(pulls, [0.0, 0.5], atol=1e-6)


if __name__ == "__main__":
    tf.test.main()
