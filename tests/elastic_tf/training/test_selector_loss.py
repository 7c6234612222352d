"""Tests of the selector's losses."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.training.rewards import advantages, reward
from elastic_tf.training.selector_loss import (
    SELECTOR_GRADIENTS,
    exploration_loss,
    policy_gradient_loss,
    trunk_loss,
)
from elastic_tf.training.settings import MethodSettings
from tests import testing
from tests.testing import TASKS, random_batch, randomise

WIDTHS = np.array([0, 0.25, 0.5, 1.0])


class AdvantagesTest(testing.TestCase):
    def test_by_hand(self):
        rewards = tf.constant([[1.0, 5.0], [2.0, 5.0], [6.0, 2.0]])
        expected = [[1 - 4, 5 - 3.5], [2 - 3.5, 5 - 3.5], [6 - 1.5, 2 - 5]]
        self.assertAllClose(advantages(rewards), expected)
        self.assertAllEqual(advantages(rewards, "none"), rewards)


class RewardTest(testing.TestCase):
    @parameterized.parameters(
        ([0.5, 2.0], [1.0, 0.5], {"price": 0.1}, [0.5, (1 - 0.25) / 10 - 2.0 + 1]),
        ([0.5], [0.25], {"price": 2.0, "exponent": 1.0}, [0.75 * 2.0 - 0.5 + 1]),
        ([[0.0, 0.0]], [[1.0, 0.0]], {"price": 1.0, "credit": "batch"}, [[1.75, 1.75]]),
    )
    def test_rewards_by_hand(self, losses, costs, settings, expected):
        self.assertAllClose(reward(tf.constant(losses), tf.constant(costs), **settings), expected)


class SelectorLossTest(testing.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)
        cls.images, cls.labels = random_batch(batch=4)["grey"]

    def setUp(self):
        super().setUp()
        randomise(self.network)

    def _run(
        self, name, logits=None, price=0.2, epsilon=0.0, seed=(1, 2), weights=None, **settings
    ):
        logits = tf.zeros((4, 3, 4)) if logits is None else logits
        defaults = {"samples_per_image": 2, "cost": "density", "cost_exponent": 2.0}
        defaults |= {"entropy_weight": 0.0, "exploration_weight": 0.0, "selector_gradient": name}
        if name == "gumbel":
            defaults["baseline"] = "none"
        method = MethodSettings(**defaults | settings)
        batch = self.images, self.labels, logits, "grey"
        return SELECTOR_GRADIENTS[name](self.network, *batch, method, price, epsilon, seed, weights)

    @parameterized.parameters(*SELECTOR_GRADIENTS)
    def test_rewards_are_those_of_each_image_and_model_alone(self, name):
        _, rewards, levels = self._run(name)
        self.assertEqual(levels.shape, (2, 4, 3))
        self.assertNotAllEqual(levels[0], levels[1])
        for sample, i in np.ndindex(2, 4):
            chosen = levels[sample, i : i + 1]
            logits = self.network.estimator(self.images[i : i + 1], levels=chosen, task="grey")
            log_softmax = logits[0] - tf.reduce_logsumexp(logits[0])
            density = WIDTHS[chosen[0]].mean()
            expected = (1 - density**2) / 5.0 + log_softmax[int(self.labels[i])] + 1
            self.assertAllClose(rewards[sample, i], expected, rtol=1e-5, atol=1e-4)

    @parameterized.parameters(*SELECTOR_GRADIENTS)
    def test_cost_by_macs(self, name):
        by_density, by_macs = (
            self._run(name, price=50.0, cost=cost) for cost in ("density", "macs")
        )
        self.assertAllEqual(by_density.levels, by_macs.levels)
        levels = by_macs.levels.numpy()
        table = self.network.cost_table("grey")
        macs = table.fixed_macs + sum(table.block_macs[i][levels[..., i]] for i in range(3))
        dearer = (macs / table.full_macs) ** 2 - WIDTHS[levels].mean(axis=-1) ** 2
        self.assertAllClose(by_density.rewards - by_macs.rewards, 50 * dearer, atol=1e-3)

    @parameterized.parameters(*SELECTOR_GRADIENTS)
    def test_the_gradient_points_to_what_pays(self, name):
        # Where all answers are alike, only the price is left: less of every block earns more.
        head = self.network.estimator.heads["grey"].linear
        head.kernel.assign(tf.zeros_like(head.kernel))

        @tf.function
        def gradient(seed):
            logits = tf.zeros((4, 3, 4))
            with tf.GradientTape() as tape:
                tape.watch(logits)
                loss = self._run(name, logits, price=1.0, seed=seed, samples_per_image=8).loss
            return tape.gradient(loss, logits)

        total = np.sum([gradient(tf.constant([seed, 0])) for seed in range(40)], axis=0)
        # Of a cost that is a square, by enumeration of all 64 models.
        models = np.stack(np.meshgrid(*[WIDTHS] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        costs = models.mean(axis=1) ** 2
        slope = [costs[models[:, 0] == width].mean() - costs.mean() for width in WIDTHS]
        measured = total.mean(axis=(0, 1)) / 40 * 4 * 4
        if name == "reinforce":
            self.assertAllClose(measured, slope, atol=0.06)
        else:  # Biased, but not in its order.
            self.assertAllGreater(np.diff(measured), 0.01)

    @parameterized.parameters(*SELECTOR_GRADIENTS)
    def test_an_image_counts_as_its_weight_says(self, name):
        logits, of = tf.random.stateless_normal((4, 3, 4), (3, 4)), {}
        weights = np.float32([2, 0, 1, 0.5])
        for given in (None, weights):
            with tf.GradientTape() as tape:
                tape.watch(logits)
                explores = {"entropy_weight": 0.1, "exploration_weight": 0.2}
                loss, rewards, _ = self._run(name, logits, weights=given, **explores)
            of[given is None] = tape.gradient(loss, logits).numpy(), rewards
        self.assertAllEqual(of[True][1], of[False][1])
        self.assertAllGreater(np.abs(of[True][0]).max(axis=(1, 2)), 1e-4)
        expected = weights[:, np.newaxis, np.newaxis] * of[True][0]
        self.assertAllClose(of[False][0], expected, rtol=1e-4, atol=1e-6)

    def test_the_minimum_risk_is_that_of_the_choice_among_the_models_drawn(self):
        logits = tf.random.stateless_normal((4, 3, 4), (3, 4))
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss, rewards, levels = self._run("minimum_risk", logits, samples_per_image=3)

        def by_hand(logits):
            log_q = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
            weights = np.zeros(levels.shape[:2])
            for s, i in np.ndindex(*weights.shape):
                weights[s, i] = np.exp(0.3 * sum(log_q[i, b, levels[s, i, b]] for b in range(3)))
            return -np.mean((weights * rewards.numpy()).sum(0) / weights.sum(0)) / 0.3

        levels = levels.numpy()
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
        levels = self._run("minimum_risk", logits, samples_per_image=20).levels.numpy()
        self.assertLess(levels.mean(axis=-1).min(), 1)
        self.assertEqual(levels.mean(axis=-1).max(), 3)

    def test_the_gumbel_gradient_is_that_of_the_softmax(self):
        logits = tf.random.stateless_normal((4, 3, 4), (3, 4))
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss, _, levels = self._run("gumbel", logits, temperature=0.5, samples_per_image=1)
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
        self.assertAllEqual(self._run("reinforce", sure).levels, np.zeros((2, 4, 3)))
        levels = self._run("reinforce", sure, epsilon=1.0).levels
        self.assertNotAllEqual(levels, np.zeros((2, 4, 3)))


class PolicyGradientTest(testing.TestCase):
    def test_it_is_the_score_function_by_hand(self):
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
        loss = exploration_loss(tf.zeros((1, 3, 4)), MethodSettings(entropy_weight=0.5))
        self.assertAllClose(loss, -0.5 * 3 * np.log(4), rtol=1e-5)

    def test_exploration_still_pulls_where_entropy_has_faded(self):
        logits, pulls = tf.Variable([[[30.0, 0.0]]]), []
        for weights in ((1.0, 0.0), (0.0, 1.0)):
            settings = MethodSettings(entropy_weight=weights[0], exploration_weight=weights[1])
            with tf.GradientTape() as tape:
                loss = exploration_loss(logits, settings)
            pulls.append(float(tape.gradient(loss, logits)[0, 0, 0]))
        self.assertAllClose(pulls, [0.0, 0.5], atol=1e-6)


class TrunkLossTest(testing.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4, selector_kind="trunk")
        randomise(cls.network)
        cls.images, cls.labels = random_batch(batch=4)["grey"]

    def _run(self, name, **settings):
        defaults = {"samples_per_image": 3, "cost": "macs", "cost_exponent": 1.0}
        defaults |= {"entropy_weight": 0.0, "exploration_weight": 0.0, "selector_gradient": name}
        method = MethodSettings(**defaults | settings)
        batch = self.images, self.labels, "grey", method
        return trunk_loss(self.network, *batch, 0.2, 0.0, tf.constant([1, 2]))

    @parameterized.parameters("reinforce", "minimum_risk")
    def test_it_is_the_loss_of_the_models_drawn_and_of_the_scores_along_them(self, name):
        with tf.GradientTape(persistent=True) as tape:
            (loss, rewards, levels), scores, guesses = self._run(name)
        self.assertEqual(scores.shape, (3, 4, 3, 4))
        self.assertEqual(guesses.shape, (3, 12, 3))
        self.assertNotAllEqual(levels[0], levels[1])
        shares = self.network.estimator.cost_table("grey").macs_share(levels)
        for sample in range(3):
            logits = self.network.estimator(self.images, levels=levels[sample], task="grey")
            of_class = tf.nn.log_softmax(logits).numpy()[range(4), self.labels]
            expected = (1 - shares[sample]) * 0.2 + of_class + 1
            self.assertAllClose(rewards[sample], expected, rtol=1e-3, atol=1e-3)
        of_levels = np.take_along_axis(
            tf.nn.log_softmax(scores).numpy(), levels.numpy()[..., np.newaxis], axis=-1
        ).sum(axis=(2, 3))
        rewards = rewards.numpy()
        if name == "reinforce":
            gains = rewards - (rewards.sum(axis=0) - rewards) / 2
            expected = -np.mean(of_levels * gains)
        else:
            weights = np.exp(0.3 * of_levels)
            expected = -np.mean((weights / weights.sum(axis=0) * rewards).sum(axis=0)) / 0.3
        self.assertAllClose(loss, expected, rtol=1e-4)
        # The trunk is not to please the choice.
        for part, learns in ((self.network.estimator, False), (self.network.selector, True)):
            variables = [v.value for v in part.task_variables("grey")]
            gradients = tape.gradient(loss, variables)
            self.assertEqual(any(gradient is not None for gradient in gradients), learns)

    def test_a_model_is_of_one_price_in_all_stages(self):
        for head in self.network.selector.heads:  # All blocks of all images are scored alike.
            for kernel in (head.scores.linear.kernel, head.scores.confidence.kernel):
                kernel.assign(tf.zeros_like(kernel))
            head.scores.offsets["grey"].assign(3.0 * np.arange(4.0))
        found, _, _ = self._run("minimum_risk", samples_per_image=60)
        together = np.corrcoef(found.levels.numpy().reshape(-1, 3).T)
        self.assertAllGreater(together[np.triu_indices(3, 1)], 0.5)

    def test_a_gradient_through_gates_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`selector_gradient` must be.*=gumbel"):
            self._run("gumbel", baseline="none")
