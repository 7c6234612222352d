"""Tests of running averages made anew."""

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.policies.sampling import fixed_model
from elastic_tf.training.refresh_averages import refresh_averages
from tests import testing
from tests.testing import TASKS, random_images, randomise

SIZES = (6, 3, 9)
EPSILON = 1e-3


def make_network(execution="grouped"):
    return ElasticNetwork(
        TASKS, backbone="wrn-8-1", ratios=(0.0, 0.5, 1.0), trunk_size=4, execution=execution
    )


def level_by_brightness(images):
    """Returns levels that differ between images and blocks, with all of 0, 1 and 2."""
    sums = tf.reduce_sum(tf.cast(images, tf.int32), [1, 2, 3])
    return (sums[:, tf.newaxis] + [0, 1, 2]) % 3


def own_moments(values):
    return values.mean((0, 1, 2)), values.var((0, 1, 2))


@pytest.mark.slow
class RefreshAveragesTest(testing.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network, cls.masked = make_network(), make_network("masked")
        cls.batches = [
            (tf.constant(random_images("grey", size, seed)), None)
            for seed, size in enumerate(SIZES)
        ]

    def setUp(self):
        super().setUp()
        randomise(self.network)
        randomise(self.masked)
        self.weights = {w.path: w.numpy() for w in self.network.weights}

    def _refresh(self, choose_levels=level_by_brightness, network=None, **changes):
        arguments = {"batches": self.batches, "task": "grey", "num_batches": len(SIZES)} | changes
        refresh_averages(network or self.network, choose_levels=choose_levels, **arguments)

    def _assert_averages(self, norm, values):
        mean, variance = own_moments(np.concatenate(values))
        self.assertAllClose(norm.moving_means["grey"], mean, rtol=1e-4, atol=1e-4)
        self.assertAllClose(norm.moving_variances["grey"], variance, rtol=1e-4)

    def _stem_features(self, images):
        """Returns what the stem's normalisation gets, and what it gives in training."""
        stem = self.network.estimator.stems["grey"]
        inputs = stem.conv(tf.cast(images, tf.float32) / 127.5 - 1).numpy()
        mean, variance = own_moments(inputs)
        standard = (inputs - mean) / np.sqrt(variance + EPSILON)
        return inputs, np.maximum(standard * stem.norm.gamma + stem.norm.beta, 0)

    def test_averages_are_those_of_all_values_and_nothing_else_changes(self):
        self._refresh()
        features = [self._stem_features(images) for images, _ in self.batches]
        stem, block = self.network.estimator.stems["grey"], self.network.estimator.blocks[0]
        self._assert_averages(stem.norm, [inputs for inputs, _ in features])
        levels = [level_by_brightness(images)[:, 0].numpy() for images, _ in self.batches]
        running = [outputs[of > 0] for (_, outputs), of in zip(features, levels, strict=True)]
        self.assertLess(sum(map(len, running)), sum(SIZES))
        self._assert_averages(block.norm1, running)
        for weight in self.network.weights:
            is_average = "grey_moving" in weight.path and "estimator" in weight.path
            changed = np.any(weight.numpy() != self.weights[weight.path])
            self.assertEqual(changed, is_average, weight.path)
        # Training goes on as before.
        before, (images, _) = stem.norm.moving_means["grey"].numpy(), self.batches[0]
        self.network.estimator(images, task="grey", training=True)
        expected = 0.9 * before + 0.1 * own_moments(features[0][0])[0]
        self.assertAllClose(stem.norm.moving_means["grey"], expected, rtol=1e-4, atol=1e-4)

    def test_channels_that_no_image_uses_keep_their_averages(self):
        self._refresh(lambda images: fixed_model(tf.shape(images)[0], [1, 0, 2]))
        first, second, third = self.network.estimator.blocks
        half = first.channels_per_level[1]
        for norm, kept in (
            (first.norm2, slice(half, None)),
            (second.norm1, slice(None)),
            (second.norm2, slice(None)),
        ):
            for average in (norm.moving_means["grey"], norm.moving_variances["grey"]):
                self.assertAllEqual(average[kept], self.weights[average.path][kept])
        for norm, changed in ((first.norm2, slice(half)), (third.norm2, slice(None))):
            average = norm.moving_means["grey"]
            self.assertTrue(np.all(average[changed] != self.weights[average.path][changed]))

    @parameterized.parameters("network", "masked")
    def test_after_one_batch_inference_is_as_training_on_it(self, name):
        network, (images, _) = getattr(self, name), self.batches[0]
        call = {"levels": level_by_brightness(images), "task": "grey"}
        before = network.estimator(images, **call)
        trained = network.estimator(images, training=True, **call)
        self.assertNotAllClose(before, trained, atol=1e-2)
        randomise(network)  # The step moved averages, by which single values are normalised.
        self._refresh(network=network, num_batches=1)
        after = network.estimator(images, **call)
        self.assertAllClose(after, trained, rtol=1e-3, atol=1e-3)

    def test_both_executions_come_to_the_same(self):
        for network in (self.network, self.masked):
            self._refresh(network=network)
        for ours, theirs in zip(self.network.weights, self.masked.weights, strict=True):
            self.assertAllClose(ours, theirs, rtol=1e-3, atol=1e-4)

    def test_only_as_many_batches_as_wanted_are_taken(self):
        batches = iter([self.batches[0]] * 5)
        self._refresh(batches=batches, num_batches=2)
        self.assertLen(list(batches), 3)

    @parameterized.parameters(
        ({"task": "birds"}, "`task` must be one of"),
        ({"num_batches": 0}, "`num_batches` must be an integer >= 1"),
        ({"num_batches": 4}, "`batches` must hold at least 4 batches.*Received: 3"),
        ({"choose_levels": lambda images: [[0, 1]] * 6}, r"`levels` must have shape \(batch, 3\)"),
    )
    def test_on_an_error_nothing_has_changed(self, changes, message):
        with self.assert_unchanged(self.network.weights):
            with self.assertRaisesRegex(ValueError, message):
                self._refresh(**changes)
