import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.norm_conv import measure, norm_relu, norm_relu_conv


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class NormConvTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.images, self.kernel = normal(4, 5, 5, 3), normal(3, 3, 3, 2, seed=1)
        self.norm = normal(6, seed=2), normal(6, seed=3)  # Of a wider layer: a prefix serves.

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
