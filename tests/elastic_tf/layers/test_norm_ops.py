"""Tests of normalisation in few passes."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.norm_ops import (
    channel_sums,
    masked_moments,
    measure,
    merge_moments,
    norm_relu,
    norm_relu_conv,
    scale_offset,
    scale_offset_relu,
)
from tests import testing
from tests.testing import normal


class FusedOpsTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.images = normal(3, 4, 5, 6)
        self.scale, self.offset = normal(6, seed=1), normal(6, seed=2)
        self.assertTrue((self.scale > 0).any() and (self.scale < 0).any())

    def test_they_are_numpys(self):
        expected = self.images * self.scale + self.offset
        for operation, result in (
            (scale_offset, expected),
            (scale_offset_relu, np.maximum(expected, 0)),
        ):
            actual = tf.function(operation)(self.images, self.scale, self.offset)
            self.assertAllClose(actual, result, rtol=1e-5, atol=1e-5)

    def test_the_gradient_of_scale_offset_relu_by_hand(self):
        inputs = [tf.constant(value) for value in (self.images, self.scale, self.offset)]
        upstream = normal(*self.images.shape, seed=3)

        @tf.function
        def gradients():
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                total = tf.reduce_sum(scale_offset_relu(*inputs) * upstream)
            return tape.gradient(total, inputs)

        passed = upstream * (self.images * self.scale + self.offset > 0)
        by_images, by_scale, by_offset = gradients()
        self.assertAllClose(by_images, passed * self.scale, rtol=1e-5, atol=1e-5)
        self.assertAllClose(by_scale, (passed * self.images).sum((0, 1, 2)), rtol=1e-4)
        self.assertAllClose(by_offset, passed.sum((0, 1, 2)), rtol=1e-4)

    def test_channel_sums(self):
        self.assertAllClose(channel_sums(self.images), self.images.sum((0, 1, 2)), rtol=1e-5)
        self.assertAllEqual(channel_sums(self.images[:0]), np.zeros(6))


def grouped_moments(groups, channels):
    return merge_moments([measure(group) for group in groups], channels)


class MomentsTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.wide = 2 * normal(4, 2, 3, 5) + 3
        self.narrow = normal(2, 2, 3, 2, seed=1) - 1

    def test_moments_are_over_the_instances_that_use_the_channel(self):
        users = [[self.wide, self.narrow]] * 2 + [[self.wide]] * 3
        values = [
            np.concatenate([group[..., channel].ravel() for group in groups])
            for channel, groups in enumerate(users)
        ]
        expected = [[v.size for v in values], [v.mean() for v in values], [v.var() for v in values]]
        padded = np.concatenate([self.narrow, np.full((2, 2, 3, 3), 99.0, np.float32)], -1)
        usage = np.arange(5) < np.array([[5]] * 4 + [[2]] * 2)
        for moments in (
            grouped_moments([self.narrow, self.wide], 5),
            masked_moments(np.concatenate([self.wide, padded]), tf.constant(usage)),
        ):
            for actual, of in zip(moments, expected, strict=True):
                self.assertAllClose(actual, of, rtol=1e-5)

    def test_an_unused_channel_has_count_zero_and_finite_moments(self):
        count, mean, variance = grouped_moments([self.narrow, self.wide[:0]], 5)
        self.assertAllEqual(count, [12, 12, 0, 0, 0])
        self.assertAllEqual(mean[2:], [0, 0, 0])
        self.assertAllEqual(variance[2:], [0, 0, 0])

    def test_gradients_are_those_of_one_group(self):
        groups = [tf.constant(self.wide[:1]), tf.constant(self.wide[1:])]
        whole = tf.constant(self.wide)

        def gradients(inputs, moments):
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                mean, variance = moments()
                total = tf.reduce_sum(mean**2 + 3 * variance**2)
            return tape.gradient(total, inputs)

        actual = gradients(groups, lambda: grouped_moments(groups, 5)[1:])
        (expected,) = gradients([whole], lambda: tf.nn.moments(whole, [0, 1, 2]))
        self.assertAllClose(tf.concat(actual, 0), expected, rtol=1e-3, atol=1e-4)

    def test_a_large_mean_does_not_spoil_the_variance(self):
        _, _, variance = grouped_moments([self.wide + 1e4], 5)
        self.assertAllClose(variance, self.wide.var((0, 1, 2)), rtol=1e-2)


class NormConvTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.images, self.kernel = normal(4, 5, 5, 3), normal(3, 3, 3, 2, seed=1)
        self.norm = normal(6, seed=2), normal(6, seed=3)  # Of a wider layer: a prefix serves.

    def ordinary(self, images, kernel, norm, strides):
        """The same in ordinary operations."""
        hidden = tf.nn.relu(images * norm[0][:3] + norm[1][:3]) if norm else images
        return tf.nn.conv2d(hidden, kernel, strides, "SAME")

    def in_graph(self, batch, norm=True, strides=1):
        """Returns a graph for any batch size, or for one that is known."""
        return tf.function(
            lambda images: norm_relu_conv(
                images, tf.constant(self.kernel), self.norm if norm else None, strides, True
            ),
            input_signature=[tf.TensorSpec((batch, 5, 5, 3))],
        )

    @parameterized.product(static=(True, False), norm=(True, False), strides=(1, 2))
    def test_outputs_and_moments(self, static, norm, strides):
        outputs, moments = self.in_graph(4 if static else None, norm, strides)(self.images)
        expected = self.ordinary(self.images, self.kernel, self.norm if norm else None, strides)
        self.assertAllClose(outputs, expected, rtol=1e-4, atol=1e-4)
        values = np.reshape(expected, (-1, 2))
        self.assertAllClose(moments.count, len(values))
        self.assertAllClose(moments.mean, values.mean(0), rtol=1e-4, atol=1e-4)
        self.assertAllClose(moments.squares, values.var(0) * len(values), rtol=1e-4)

    @parameterized.parameters(0, None)
    def test_an_empty_group_has_empty_outputs_and_no_weight(self, batch):
        outputs, moments = self.in_graph(batch, strides=2)(self.images[:0])
        self.assertEqual(outputs.shape, (0, 3, 3, 2))
        for value in moments:
            self.assertAllEqual(value, np.zeros(value.shape))

    def test_gradients_are_those_of_ordinary_operations(self):
        inputs = [tf.constant(value) for value in (self.images, self.kernel, *self.norm)]

        def gradients(run):
            @tf.function
            def graph():
                with tf.GradientTape() as tape:
                    tape.watch(inputs)
                    outputs, mean, squares = run(*inputs)
                    total = tf.reduce_sum(outputs**2) + 3 * tf.reduce_sum(mean**2)
                    total += tf.reduce_sum(squares)
                return tape.gradient(total, inputs)

            return graph()

        def ours(images, kernel, scale, offset):
            images = tf.boolean_mask(images, tf.ones(4, tf.bool))  # Of unknown batch size.
            outputs, moments = norm_relu_conv(images, kernel, (scale, offset), measured=True)
            return outputs, moments.mean, moments.squares

        def ordinary(images, kernel, scale, offset):
            outputs = self.ordinary(images, kernel, (scale, offset), 1)
            mean = tf.reduce_mean(outputs, [0, 1, 2])
            return outputs, mean, tf.reduce_sum((outputs - mean) ** 2, [0, 1, 2])

        for actual, expected in zip(gradients(ours), gradients(ordinary), strict=True):
            self.assertAllClose(actual, expected, rtol=1e-3, atol=1e-3)

    def test_norm_relu_takes_any_batch(self):
        run = tf.function(
            lambda images: norm_relu(images, self.norm),
            input_signature=[tf.TensorSpec((None, 5, 5, 3))],
        )
        for images in (self.images, self.images[:0]):
            expected = np.maximum(images * self.norm[0][:3] + self.norm[1][:3], 0)
            self.assertAllClose(run(images), expected, rtol=1e-5, atol=1e-5)
