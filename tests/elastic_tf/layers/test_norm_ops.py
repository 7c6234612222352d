"""Tests of normalisation in few passes."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.norm_ops import (
    masked_moments,
    measure,
    merge_moments,
    scale_offset,
    trained_scale_offset,
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
        results = {
            None: expected,
            "relu": np.maximum(expected, 0),
            "relu6": np.clip(expected, 0, 6),
        }
        for activation, result in results.items():
            for operation in (scale_offset, trained_scale_offset):
                actual = tf.function(operation)(self.images, self.scale, self.offset, activation)
                self.assertAllClose(actual, result, rtol=1e-5, atol=1e-5)

    @parameterized.parameters((None, -np.inf, np.inf), ("relu", 0, np.inf), ("relu6", 0, 6))
    def test_the_gradient_by_hand(self, activation, low, high):
        inputs = [tf.constant(value) for value in (self.images, self.scale, self.offset)]
        upstream = normal(*self.images.shape, seed=3)

        @tf.function
        def gradients():
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                total = tf.reduce_sum(trained_scale_offset(*inputs, activation) * upstream)
            return tape.gradient(total, inputs)

        values = self.images * self.scale + self.offset
        passed = upstream * ((values > low) & (values < high))
        by_images, by_scale, by_offset = gradients()
        self.assertAllClose(by_images, passed * self.scale, rtol=1e-5, atol=1e-5)
        self.assertAllClose(by_scale, (passed * self.images).sum((0, 1, 2)), rtol=1e-4)
        self.assertAllClose(by_offset, passed.sum((0, 1, 2)), rtol=1e-4)


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
        groups = [measure(self.narrow), measure(self.wide, count=tf.constant(0))]
        count, mean, variance = merge_moments(groups, 5)
        self.assertAllEqual(count, [12, 12, 0, 0, 0])
        self.assertAllEqual(mean[2:], [0, 0, 0])
        self.assertAllClose(variance[:2], self.narrow.var((0, 1, 2)))
        self.assertAllEqual(variance[2:], [0, 0, 0])

    def test_rows_behind_the_count_are_not_of_the_group(self):
        moments = merge_moments([measure(self.wide, count=tf.constant(3))], 5)
        expected = merge_moments([measure(self.wide[:3])], 5)
        for actual, of in zip(moments, expected, strict=True):
            self.assertAllEqual(actual, of)

    def test_a_large_mean_does_not_spoil_the_variance(self):
        _, _, variance = grouped_moments([self.wide + 1e4], 5)
        self.assertAllClose(variance, self.wide.var((0, 1, 2)), rtol=1e-2)
