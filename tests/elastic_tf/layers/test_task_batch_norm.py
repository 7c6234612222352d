"""Tests of batch normalisation per task."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.norm_ops import measure, merge_moments
from elastic_tf.layers.task_batch_norm import (
    PooledMoments,
    TaskBatchNormalization,
    pool_of,
    pooling,
)
from tests import testing
from tests.testing import keras_norm, normal


class PooledMomentsTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        # Batches of different sizes and means.
        self.batches = [
            2 * normal(size, 2, 3, 4, seed=size) + mean
            for size, mean in ((5, 3.0), (1, -4.0), (8, 0.5))
        ]
        self.pooled = PooledMoments(4)

    def _add(self, *groups):
        self.pooled.add(*merge_moments([measure(tf.constant(images)) for images in groups], 4))

    def test_every_channel_counts_the_images_that_use_it(self):
        first, second, third = self.batches
        self._add(first, second[..., :2])
        self._add(third[..., :2])
        values = [np.concatenate(self.batches)[..., :2], first[..., 2:]]
        count, mean, variance = self.pooled.result()
        self.assertAllEqual(count, [84, 84, 30, 30])
        self.assertAllClose(mean, np.concatenate([v.mean((0, 1, 2)) for v in values]), rtol=1e-5)
        self.assertAllClose(variance, np.concatenate([v.var((0, 1, 2)) for v in values]), rtol=1e-5)

    def test_a_channel_without_values_has_zeros(self):
        self._add(self.batches[0][..., :3])
        self._add(self.batches[1][:0])
        self.assertAllEqual([vector[3] for vector in self.pooled.result()], [0, 0, 0])

    def test_more_values_than_float32_can_count(self):
        # Two halves of a large number of values, then few of another mean.
        for mean in (1.0, 3.0):
            self.pooled.add(tf.fill([4], 2.0**24), tf.fill([4], mean), tf.ones(4))
        for _ in range(16):
            self.pooled.add(tf.ones(4), tf.fill([4], 2.0), tf.zeros(4))
        count, mean, variance = self.pooled.result()
        self.assertAllEqual(count, np.full(4, 2.0**25 + 16))
        self.assertAllClose(mean, np.full(4, 2.0))
        self.assertAllClose(variance, np.full(4, 2.0), rtol=1e-4)

    def test_a_layer_adds_to_its_pool_and_keeps_its_averages(self):
        norm, pools = TaskBatchNormalization(["a"]), {}
        norm.build((None, 2, 3, 4))
        # A graph that is made within, twice, as the batches differ in size.
        run = tf.function(lambda images: norm(images, task="a", training=True))
        with pooling(pools), self.assert_unchanged(norm.weights):
            norm(self.batches[0], task="a")  # Inference adds nothing.
            self.assertEmpty(pools)
            outputs = [run(tf.constant(images)) for images in self.batches]
        values = np.concatenate(self.batches)
        count, mean, variance = pools[norm, None].result()
        self.assertAllEqual(count, np.full(4, 14 * 6))
        self.assertAllClose(mean, values.mean((0, 1, 2)), rtol=1e-5)
        self.assertAllClose(variance, values.var((0, 1, 2)), rtol=1e-5)
        self.assertAllClose(outputs[0], norm(self.batches[0], task="a", training=True), atol=1e-5)

    def test_outside_there_is_no_pool(self):
        norm = TaskBatchNormalization(["a"], momentum=0.0)
        with self.assertRaises(KeyError), pooling({}):
            raise KeyError
        self.assertIsNone(pool_of(norm))
        norm(self.batches[0], task="a", training=True)
        self.assertAllClose(norm.moving_means["a"], self.batches[0].mean((0, 1, 2)), rtol=1e-5)


class TaskBatchNormalizationTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.init_kwargs = {"tasks": ["a", "b"], "momentum": 0.8, "epsilon": 1e-3}
        self.norm = TaskBatchNormalization(**self.init_kwargs)
        self.norm.build((None, 3, 3, 4))
        self.inputs = tf.constant(2 * normal(5, 3, 3, 4) + 3)

    def test_one_task_alone_is_keras_batch_normalization(self):
        reference = keras_norm(self.norm, "a")
        for training in (True, False):
            self.assertAllClose(
                self.norm(self.inputs, task="a", training=training),
                reference(self.inputs, training=training),
                atol=1e-5,
            )
        self.assertAllClose(self.norm.moving_variances["a"], reference.moving_variance, rtol=1e-4)

    def test_averages_belong_to_a_task(self):
        self.norm(self.inputs, task="a", training=True)
        self.assertAllEqual(self.norm.moving_means["b"], np.zeros(4))
        self.assertAllEqual(self.norm.moving_variances["b"], np.ones(4))
        self.assertNotAllClose(
            self.norm(self.inputs, task="a"), self.norm(self.inputs, task="b"), atol=0.1
        )

    def test_a_channel_that_nobody_uses_keeps_its_averages(self):
        groups = [measure(self.inputs[..., :2]), measure(self.inputs[:0])]
        self.norm.scale_and_offset("a", groups)
        self.assertNotAllClose(self.norm.moving_means["a"][:2], np.zeros(2))
        self.assertAllEqual(self.norm.moving_means["a"][2:], np.zeros(2))

    @parameterized.parameters("alone", "a group", "masked")
    def test_a_single_value_moves_the_mean_alone_and_is_normalised_by_the_averages(self, way):
        mean, variance = np.float32([1.0, -2, 0.5, 3]), np.float32([4.0, 0.25, 1, 9])
        self.norm.set_averages("a", tf.ones(4) * 9, mean, variance)
        value = normal(1, 1, 1, 4)
        if way == "alone":
            outputs = self.norm(value, task="a", training=True)
        elif way == "a group":  # Beside one that does not use the last channels.
            value[..., :2] = 7.0
            groups = [measure(tf.constant(value)), measure(tf.fill([4, 1, 1, 2], 7.0))]
            scale, offset = self.norm.scale_and_offset("a", groups)
            outputs = value * scale + offset
        else:
            others = np.concatenate([value, np.full_like(value, 99.0)])
            usage = tf.constant([[True] * 4, [False] * 4])
            outputs = self.norm(others, task="a", usage=usage, training=True)[:1]
        single = slice(2, 4) if way == "a group" else slice(0, 4)
        expected = (value - mean) / np.sqrt(variance + 1e-3)
        self.assertAllClose(outputs[..., single], expected[..., single], rtol=1e-4, atol=1e-4)
        means, variances = self.norm.moving_means["a"], self.norm.moving_variances["a"]
        self.assertAllClose(means, mean + 0.2 * (value[0, 0, 0] - mean), rtol=1e-5)
        self.assertAllEqual(variances[single], variance[single])
        self.assertAllClose(variances[: single.start], 0.8 * variance[: single.start], rtol=1e-5)

    @parameterized.parameters(True, False)
    def test_activation(self, training):
        self.norm.beta.assign([0.5, -0.5, 1.0, 0.0])
        fused = TaskBatchNormalization(**self.init_kwargs, activation="relu")
        fused.build(self.inputs.shape)
        fused.set_weights(self.norm.get_weights())
        expected = np.maximum(self.norm(self.inputs, task="a", training=training), 0)
        actual = fused(self.inputs, task="a", training=training)
        self.assertAllClose(actual, expected, rtol=1e-4, atol=1e-5)

    def test_an_empty_batch_changes_nothing(self):
        with self.assert_unchanged(self.norm.weights):
            self.norm(self.inputs[:0], task="a", training=True)

    def test_averages_are_set_where_there_are_values(self):
        self.norm.set_averages(
            "a", tf.constant([3.0, 0.0, 1.0, 0.0]), tf.fill([4], 5.0), tf.zeros(4)
        )
        self.assertAllEqual(self.norm.moving_means["a"], [5, 0, 0, 0])
        self.assertAllEqual(self.norm.moving_variances["a"], [0, 1, 1, 1])
        self.assertAllEqual(self.norm.moving_means["b"], np.zeros(4))

    def test_every_level_has_averages_of_its_own(self):
        norm = TaskBatchNormalization(**self.init_kwargs, num_levels=3)
        norm.build(self.inputs.shape)
        norm.fill_averages("a", tf.fill([4], 5.0), tf.fill([4], 4.0))
        norm(self.inputs, task="a", training=True, level=1)
        expected = 5 + 0.2 * (self.inputs.numpy().mean((0, 1, 2)) - 5)
        self.assertAllClose(norm.averages("a", 1)[0], expected, rtol=1e-5)
        for level in (0, 2):
            self.assertAllEqual(norm.averages("a", level)[0], np.full(4, 5.0))
        self.assertIs(norm.averages("a")[0], norm.averages("a", 2)[0])
        self.assertAllEqual(norm.averages("b", 1)[0], np.zeros(4))
        outputs = norm(self.inputs, task="a", level=0)
        self.assertAllClose(outputs, (self.inputs - 5) / np.sqrt(4 + 1e-3), rtol=1e-5)

    @parameterized.parameters(
        ("tasks", []),
        ("momentum", 1.0),
        ("epsilon", 0.0),
        ("activation", "gelu"),
        ("num_levels", 0),
    )
    def test_bad_arguments_are_named(self, name, value):
        self.run_refusal_test(TaskBatchNormalization, self.init_kwargs, name, value)

    def test_an_unknown_task_is_named(self):
        with self.assertRaisesRegex(ValueError, "`task` must be one of .* Received: task=c"):
            self.norm(self.inputs, task="c")

    def test_config(self):
        self.run_config_test(TaskBatchNormalization, self.init_kwargs | {"activation": "relu"})
