import numpy as np
import tensorflow as tf

from elastic_tf.layers.moments import masked_moments, merge_moments
from elastic_tf.layers.norm_conv import measure


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


if __name__ == "__main__":
    tf.test.main()
