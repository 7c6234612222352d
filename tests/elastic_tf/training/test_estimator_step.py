"""Tests of an estimator step: whom it trains, and its loss."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.models.estimator import Estimator
from elastic_tf.training.estimator_step import estimator_loss, needs_scores, step_models
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import ESTIMATOR, INITIAL
from tests import testing
from tests.testing import TASKS, random_batch, randomise


class StepModelsTest(testing.TestCase):
    def _models(self, kind, scores, images=40, turn=0, **method):
        """Returns models where the selector's scores are these in three blocks of all images."""
        method = MethodSettings(**method)
        if needs_scores(method, kind):
            scores = tf.tile(tf.constant([[scores] * 3], tf.float32), [images, 1, 1])
        shares = np.tile([0.0, 0.1, 0.2, 0.3], (3, 1))
        seed = tf.constant([0, 1])
        return step_models(method, kind, images, (3, 4), scores, shares, seed, turn)

    def _levels(self, kind, scores, **kwargs):
        return self._models(kind, scores, **{"distillation_weight": 0.0} | kwargs).levels.numpy()

    def test_initial_distributions(self):
        sure = [99.0, 0, 0, 0]
        levels = self._levels(INITIAL, sure, full_share=0.75)
        self.assertAllEqual(levels[:30], np.full((30, 3), 3))
        self.assertGreater(len(np.unique(levels[30:], axis=0)), 5)
        levels = self._levels(INITIAL, sure, images=400, initial_distribution="uniform")
        for block in levels.T:
            self.assertAllEqual(np.bincount(block), [100] * 4)
        levels = self._levels(INITIAL, sure, initial_distribution="random")
        self.assertAllEqual(levels, np.zeros((40, 3)))

    @parameterized.parameters((INITIAL, 0.5, 20), (ESTIMATOR, 0.25, 10))
    def test_the_teacher_sees_a_share_of_the_images(self, kind, share, expected):
        models = self._models(kind, [9.0, 0, 0, 0], distillation_weight=0.5, teacher_share=share)
        self.assertLen(models.levels, 40 + expected)
        self.assertAllEqual(models.levels[40:], np.full((expected, 3), 3))
        if kind == INITIAL:  # The others are no longer mostly full.
            self.assertAllEqual(np.bincount(models.levels[:40, 0]), [10] * 4)

    @parameterized.parameters(INITIAL, ESTIMATOR)
    def test_a_share_is_the_cheapest_model(self, kind):
        sure = [0.0, 0, 0, 99]  # Of the full model, where the selector picks.
        method = {"smallest_share": 0.25, "priced_mix": 0.0, "initial_mix": 0.0}
        levels = self._models(kind, sure, distillation_weight=0.5, **method).levels.numpy()
        self.assertLen(levels, 80)  # The teacher sees these images too.
        self.assertAllEqual(levels[30:40], np.zeros((10, 3)))
        self.assertAllEqual(levels[40:], np.full((40, 3), 3))
        if kind == ESTIMATOR:
            self.assertAllEqual(levels[:30], np.full((30, 3), 3))
        else:
            self.assertGreater(len(np.unique(levels[:30], axis=0)), 5)

    @parameterized.product(images=(40, 41, 2), smallest=(0.0, 0.1))
    def test_sizes_that_are_known_are_those_of_the_levels(self, images, smallest):
        method = {"distillation_weight": 0.5, "smallest_share": smallest}
        for turn in (0, 1):
            models = self._models(INITIAL, None, images, turn, **method)
            counts = [np.bincount(levels, minlength=4) for levels in models.levels.numpy().T]
            if images < 4:
                self.assertIsNone(models.sizes)
            else:
                self.assertAllEqual(models.sizes, counts)
                self.assertEqual(isinstance(models.sizes, list), images == 40)

    @parameterized.parameters((0.0, 40), (0.5, 20))
    def test_the_initial_mix_decides_who_picks_the_models(self, mix, expected):
        method = {"priced_mix": 0.0, "full_share": 1.0}
        levels = self._levels(ESTIMATOR, [99.0, 0, 0, 0], initial_mix=mix, **method)
        self.assertEqual(int(np.sum(np.all(levels == 0, axis=1))), expected)
        self.assertEqual(int(np.sum(np.all(levels == 3, axis=1))), 40 - expected)

    @parameterized.parameters(("greedy", 1.0), ("sampled", np.e / (np.e + 3)))
    def test_drawn_models_are_trained_on_request(self, choice, expected):
        method = {"initial_mix": 0.0, "priced_mix": 0.0, "estimator_choice": choice}
        levels = self._levels(ESTIMATOR, [1.0, 0, 0, 0], images=200, **method)
        self.assertAllClose(np.mean(levels == 0), expected, atol=0.08)

    def test_models_at_random_prices_are_trained_on_request(self):
        # All images' choice is the last level; at a price above zero, others.
        offsets, mix = [0, 10.0, 20, 30], {"initial_mix": 0.0}
        levels = self._levels(ESTIMATOR, offsets, priced_mix=0.0, **mix)
        self.assertAllEqual(levels, np.full((40, 3), 3))
        means = self._levels(ESTIMATOR, offsets, images=400, priced_mix=0.25, **mix).mean(axis=1)
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

    def _run(self, weight, teachers=6, weights=None, rows=slice(None), smoothing=0.0, unsure=0.0):
        levels = self.levels[rows]
        full = tf.fill([teachers if weight else 0, 3], 3)
        levels = tf.concat([levels, full[: len(levels)]], axis=0)
        images, labels = self.images[rows], self.labels[rows]
        logits = self.estimator(images, levels=levels, task="grey", training=True)
        return estimator_loss(logits, labels, weight, weights, smoothing, unsure)

    def test_cross_entropy_alone(self):
        loss, cross_entropy, logits = self._run(0.0)
        expected = -log_softmax(logits.numpy())[np.arange(6), self.labels]
        self.assertAllClose(cross_entropy, expected, rtol=1e-5)
        self.assertAllClose(loss, expected.mean(), rtol=1e-5)

    @parameterized.parameters((6, None), (2, None), (2, [1.0, 0, 2, 1, 0.5, 1]))
    def test_the_full_model_learns_from_labels_and_teaches(self, teachers, weights):
        factors = None if weights is None else tf.constant(weights)
        loss, cross_entropy, logits = self._run(0.25, teachers, factors)
        # Momentum 0 leaves the moments of that batch, so that inference repeats it.
        full = log_softmax(self.estimator(self.images, task="grey").numpy())
        chosen = log_softmax(self.estimator(self.images, levels=self.levels, task="grey").numpy())
        rows = np.arange(6)
        self.assertAllClose(log_softmax(logits.numpy()), chosen, rtol=1e-3, atol=1e-3)
        self.assertAllClose(cross_entropy, -chosen[rows, self.labels], rtol=1e-3, atol=1e-3)
        taught = -(np.exp(full) * chosen).sum(axis=-1)
        weights = np.ones(6) if weights is None else np.array(weights)
        of_label = -chosen[rows, self.labels]
        of_model = np.where(rows < teachers, 0.75 * of_label + 0.25 * taught, of_label)
        of_full = -full[rows, self.labels][:teachers]
        expected = (weights * of_model).mean() + (weights[:teachers] * of_full).mean()
        self.assertAllClose(loss, expected, rtol=2e-3)

    @parameterized.parameters((0.0, None), (0.25, None), (0.25, [3.0, 0, 2, 1, 0.5, 3]))
    def test_smoothing_is_of_labels_alone(self, distillation_weight, weights):
        factors = None if weights is None else tf.constant(weights)
        plain, smooth = (
            self._run(distillation_weight, 2, factors, smoothing=smoothing)
            for smoothing in (0.0, 0.6)
        )
        self.assertAllEqual(smooth.cross_entropy, plain.cross_entropy)
        # By Keras: what smoothing adds to a loss whose answers are these.
        loss = keras.losses.categorical_crossentropy
        chosen = self.estimator(self.images, levels=self.levels, task="grey")
        full = self.estimator(self.images, task="grey")
        targets = tf.one_hot(self.labels, 3)
        of_chosen, of_full = (
            np.subtract(*(loss(targets, logits, True, smoothing) for smoothing in (0.6, 0.0)))
            for logits in (chosen, full)
        )
        weights = np.ones(6) if weights is None else np.array(weights)
        labelled = np.where(np.arange(6) < 2, 1 - distillation_weight, 1.0)
        expected = (weights * labelled * of_chosen).mean()
        if distillation_weight:
            expected += (weights * of_full)[:2].mean()
        self.assertGreater(abs(expected), 0.01)
        self.assertAllClose(smooth.loss - plain.loss, expected, rtol=2e-3, atol=1e-3)

    @parameterized.parameters((None,), ([3.0, 0, 2, 1, 0.5, 3],))
    def test_the_full_model_looks_at_what_others_are_unsure_of(self, weights):
        factors = None if weights is None else tf.constant(weights)
        plain, unsure = (self._run(0.25, 4, factors, unsure=weight) for weight in (0.0, 2.0))
        full = log_softmax(self.estimator(self.images, task="grey").numpy())
        of_full = -full[np.arange(4), self.labels[:4]]
        weights = np.ones(4) if weights is None else np.array(weights)[:4]
        missed = 3 - 2 * np.exp(-plain.cross_entropy[:4])
        expected = (weights * (missed / missed.mean() - 1) * of_full).mean()
        self.assertGreater(abs(expected), 1e-3)
        self.assertAllClose(unsure.loss - plain.loss, expected, rtol=2e-3, atol=1e-3)

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
            self.assertEqual(float(self._run(weight, rows=slice(0)).loss), 0.0)
