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


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class FusedOpsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.images = normal(3, 4, 5, 6)
        self.scale, self.offset = normal(6, seed=1), normal(6, seed=2)
        self.assertTrue((self.scale > 0).any() and (self.scale < 0).any())

    def test_scale_offset(self):
        actual = tf.function(scale_offset)(self.images, self.scale, self.offset)
        self.assertAllClose(actual, self.images * self.scale + self.offset, rtol=1e-5, atol=1e-5)

    def test_scale_offset_relu(self):
        actual = tf.function(scale_offset_relu)(self.images, self.scale, self.offset)
        expected = np.maximum(self.images * self.scale + self.offset, 0)
        self.assertAllClose(actual, expected, rtol=1e-5, atol=1e-5)

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


class MomentsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        generator = np.random.default_rng(0)
        self.wide = generator.normal(3, 2, (4, 2, 3, 5)).astype(np.float32)
        self.narrow = generator.normal(-1, 1, (2, 2, 3, 2)).astype(np.float32)

    def _expected(self):
        """Mean and variance of each channel over the values there are, by NumPy."""
        columns = [
            np.concatenate([self.wide[..., c].ravel(), self.narrow[..., c].ravel()])
            if c < 2
            else self.wide[..., c].ravel()
            for c in range(5)
        ]
        return [c.size for c in columns], [c.mean() for c in columns], [c.var() for c in columns]

    def test_grouped_moments_are_over_the_instances_that_use_the_channel(self):
        for actual, expected in zip(
            grouped_moments([self.narrow, self.wide], 5), self._expected(), strict=True
        ):
            self.assertAllClose(actual, expected, rtol=1e-5)

    def test_masked_moments_are_the_same(self):
        padded = np.concatenate([self.narrow, np.full((2, 2, 3, 3), 99.0, np.float32)], -1)
        usage = np.arange(5) < np.array([[5]] * 4 + [[2]] * 2)
        inputs = np.concatenate([self.wide, padded])
        for actual, expected in zip(
            masked_moments(inputs, tf.constant(usage)), self._expected(), strict=True
        ):
            self.assertAllClose(actual, expected, rtol=1e-5)

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


def normal_norm_conv(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class NormConvTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.images, self.kernel = (
            normal_norm_conv(4, 5, 5, 3),
            normal_norm_conv(3, 3, 3, 2, seed=1),
        )
        self.norm = (
            normal_norm_conv(6, seed=2),
            normal_norm_conv(6, seed=3),
        )  # Of a wider layer: a prefix serves.

    def plain(self, images, kernel, norm, strides):
        """The same in ordinary operations."""
        hidden = tf.nn.relu(images * norm[0][:3] + norm[1][:3]) if norm else images
        return tf.nn.conv2d(hidden, kernel, strides, "SAME")

    def in_graph(self, batch, norm=True, strides=1):
        """Returns a graph for any batch size, or for one that is known."""
        signature = [tf.TensorSpec((batch, 5, 5, 3))]

        @tf.function(input_signature=signature)
        def run(images):
            return norm_relu_conv(
                images, tf.constant(self.kernel), self.norm if norm else None, strides, True
            )

        return run

    @parameterized.product(static=(True, False), norm=(True, False), strides=(1, 2))
    def test_outputs_and_moments(self, static, norm, strides):
        outputs, moments = self.in_graph(4 if static else None, norm, strides)(self.images)
        expected = self.plain(self.images, self.kernel, self.norm if norm else None, strides)
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
            outputs = self.plain(images, kernel, (scale, offset), 1)
            mean = tf.reduce_mean(outputs, [0, 1, 2])
            return outputs, mean, tf.reduce_sum((outputs - mean) ** 2, [0, 1, 2])

        for actual, expected in zip(gradients(ours), gradients(ordinary), strict=True):
            self.assertAllClose(actual, expected, rtol=1e-3, atol=1e-3)

    @parameterized.parameters(4, 0)
    def test_norm_relu_takes_any_batch(self, batch):
        images = self.images[:batch]
        run = tf.function(
            lambda images: norm_relu(images, self.norm),
            input_signature=[tf.TensorSpec((None, 5, 5, 3))],
        )
        expected = np.maximum(images * self.norm[0][:3] + self.norm[1][:3], 0)
        self.assertAllClose(run(images), expected, rtol=1e-5, atol=1e-5)

    def test_measure(self):
        moments = measure(self.images)
        self.assertAllClose(moments.count, 100)
        self.assertAllClose(moments.mean, self.images.mean((0, 1, 2)), atol=1e-5)
        self.assertAllClose(moments.squares, 100 * self.images.var((0, 1, 2)), rtol=1e-4)


if __name__ == "__main__":
    tf.test.main()
