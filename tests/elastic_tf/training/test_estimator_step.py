"""Tests of an estimator step: whom it trains, and its loss."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.models.estimator import Estimator
from elastic_tf.training.estimator_step import estimator_levels, estimator_loss
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import StageSchedule
from tests import testing
from tests.testing import TASKS, random_batch, random_images, randomise


class EstimatorLevelsTest(testing.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = ElasticNetwork({"grey": TASKS["grey"]}, backbone="wrn-8-1", trunk_size=4)

    def _levels(self, step, offsets, images=40, **method):
        """Returns levels where the selector's choice has these logits for all images."""
        self.network.method = MethodSettings(**method)
        self.network.selector.scores.offsets["grey"].assign(np.tile(offsets, 3))
        images = tf.constant(random_images("grey", images))
        stage = StageSchedule(1, rounds=1, selector_steps=1)(step)
        levels = estimator_levels(self.network, "grey", images, stage, tf.constant([0, 1]))
        return levels.numpy()

    def test_initial_distributions(self):
        sure = [99.0, 0, 0, 0]
        levels = self._levels(0, sure, full_share=0.75, distillation_weight=0.0)
        self.assertAllEqual(levels[:30], np.full((30, 3), 3))
        self.assertGreater(len(np.unique(levels[30:], axis=0)), 5)
        # With distillation all images run on the full model anyway.
        for method in ({}, {"initial_distribution": "uniform", "distillation_weight": 0.0}):
            levels = self._levels(0, sure, images=400, **method)
            self.assertAllClose(np.bincount(levels.ravel()) / 1200, [0.25] * 4, atol=0.05)
        levels = self._levels(0, sure, initial_distribution="random")
        self.assertAllEqual(levels, np.zeros((40, 3)))

    @parameterized.parameters((0.0, 40), (0.5, 20))
    def test_the_initial_mix_decides_who_picks_the_models(self, mix, expected):
        method = {"priced_mix": 0.0, "full_share": 1.0, "distillation_weight": 0.0}
        levels = self._levels(2, [99.0, 0, 0, 0], initial_mix=mix, **method)
        self.assertEqual(int(np.sum(np.all(levels == 0, axis=1))), expected)
        self.assertEqual(int(np.sum(np.all(levels == 3, axis=1))), 40 - expected)

    @parameterized.parameters(("greedy", 1.0), ("sampled", np.e / (np.e + 3)))
    def test_drawn_models_are_trained_on_request(self, choice, expected):
        method = {"initial_mix": 0.0, "priced_mix": 0.0, "estimator_choice": choice}
        levels = self._levels(2, [1.0, 0, 0, 0], images=200, **method)
        self.assertAllClose(np.mean(levels == 0), expected, atol=0.08)

    def test_models_at_random_prices_are_trained_on_request(self):
        # All images' choice is the last level; at a price above zero, others.
        offsets, mix = [0, 10.0, 20, 30], {"initial_mix": 0.0}
        levels = self._levels(2, offsets, priced_mix=0.0, **mix)
        self.assertAllEqual(levels, np.full((40, 3), 3))
        means = self._levels(2, offsets, images=400, priced_mix=0.25, **mix).mean(axis=1)
        # Half of the prices are above zero, and from half of these on the first level of an
        # average block is worth more than the last.
        self.assertAllInRange(np.mean(means < 3), 0.25 * 0.5 * 0.4, 0.25 * 0.5 * 1.1)
        self.assertAllInRange(np.mean(means < 1), 0.25 * 0.5 * 0.2, 0.25 * 0.5 * 0.7)


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


class EstimatorLossTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.estimator = randomise(Estimator(TASKS, backbone="wrn-8-1", momentum=0.0))
        self.images, self.labels = random_batch(batch=6)["grey"]
        self.levels = tf.constant(np.random.default_rng(1).integers(0, 4, (6, 3)), tf.int32)

    def _run(self, weight, rows=slice(None), weights=None):
        batch = self.images[rows], self.labels[rows], self.levels[rows]
        return estimator_loss(self.estimator, *batch, "grey", weight, weights)

    def test_cross_entropy_alone(self):
        loss, cross_entropy, logits = self._run(0.0)
        expected = -log_softmax(logits.numpy())[np.arange(6), self.labels]
        self.assertAllClose(cross_entropy, expected, rtol=1e-5)
        self.assertAllClose(loss, expected.mean(), rtol=1e-5)

    def test_the_full_model_learns_from_labels_and_teaches(self):
        loss, cross_entropy, logits = self._run(0.25)
        # Momentum 0 leaves the moments of that batch, so that inference repeats its full half.
        full = log_softmax(self.estimator(self.images, task="grey").numpy())
        chosen = log_softmax(self.estimator(self.images, levels=self.levels, task="grey").numpy())
        rows = np.arange(6)
        self.assertAllClose(log_softmax(logits.numpy()), chosen, rtol=1e-3, atol=1e-3)
        self.assertAllClose(cross_entropy, -chosen[rows, self.labels], rtol=1e-3, atol=1e-3)
        taught = -(np.exp(full) * chosen).sum(axis=-1)
        expected = (
            -full[rows, self.labels] - 0.75 * chosen[rows, self.labels] + 0.25 * taught
        ).mean()
        self.assertAllClose(loss, expected, rtol=1e-3)

    def test_the_teacher_is_not_taught(self):
        bias = self.estimator.heads["grey"].linear.bias
        with tf.GradientTape() as tape:
            loss, _, logits = self._run(0.25)
        gradient = tape.gradient(loss, bias.value)
        full = tf.nn.softmax(self.estimator(self.images, task="grey")).numpy()
        chosen = tf.nn.softmax(logits).numpy()
        right = np.eye(full.shape[-1])[self.labels]
        # Of each cross-entropy what is answered, less what it is held against.
        expected = (full - right) + 0.75 * (chosen - right) + 0.25 * (chosen - full)
        self.assertAllClose(gradient, expected.mean(axis=0), rtol=1e-3, atol=1e-4)

    @parameterized.parameters(0.0, 0.25)
    def test_an_image_counts_as_its_weight_says(self, distillation_weight):
        alone = [self._run(distillation_weight, weights=row) for row in tf.eye(6)]
        if not distillation_weight:
            self.assertAllClose([6 * each.loss for each in alone], alone[0].cross_entropy)
        weights = np.float32([2, 0, 1, 0.5, 1, 3])
        expected = sum(w * each.loss for w, each in zip(weights, alone, strict=True))
        self.assertAllClose(self._run(distillation_weight, weights=weights).loss, expected)
        expected = sum(each.loss for each in alone)
        self.assertAllClose(self._run(distillation_weight).loss, expected)

    def test_an_empty_batch_has_no_loss(self):
        for weight in (0.0, 0.5):
            self.assertEqual(float(self._run(weight, slice(0)).loss), 0.0)
