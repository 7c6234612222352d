import numpy as np
import tensorflow as tf

from elastic_tf.layers.fused_ops import channel_sums, scale_offset, scale_offset_relu


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


if __name__ == "__main__":
    tf.test.main()
