import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.fused_ops import conv_bias_relu, scale_offset_relu


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class FusedOpsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(1, 2)
    def test_conv_bias_relu_is_the_keras_layer(self, strides):
        images, kernel, bias = normal(2, 5, 5, 3), normal(3, 3, 3, 4, seed=1), normal(4, seed=2)
        layer = keras.layers.Conv2D(4, 3, strides, "same", activation="relu")
        layer.build(images.shape)
        layer.set_weights([kernel, bias])
        actual = tf.function(conv_bias_relu)(images, kernel, bias, strides)
        self.assertAllClose(actual, layer(images), rtol=1e-5, atol=1e-5)

    def test_scale_offset_relu_takes_scales_of_both_signs(self):
        images, scale, offset = normal(2, 4, 4, 6), normal(6, seed=1), normal(6, seed=2)
        self.assertTrue((scale > 0).any() and (scale < 0).any())
        expected = np.maximum(images * scale + offset, 0)
        actual = tf.function(lambda images: scale_offset_relu(images, scale, offset))(images)
        self.assertAllClose(actual, expected, rtol=1e-5, atol=1e-5)


if __name__ == "__main__":
    tf.test.main()
