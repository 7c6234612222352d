import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.fused_conv import conv_bias_relu


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class FusedConvTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(1, 2)
    def test_it_is_the_keras_layer(self, strides):
        images, kernel, bias = normal(2, 5, 5, 3), normal(3, 3, 3, 4, seed=1), normal(4, seed=2)
        layer = keras.layers.Conv2D(4, 3, strides, "same", activation="relu")
        layer.build(images.shape)
        layer.set_weights([kernel, bias])
        actual = tf.function(conv_bias_relu)(images, kernel, bias, strides)
        self.assertAllClose(actual, layer(images), rtol=1e-5, atol=1e-5)


if __name__ == "__main__":
    tf.test.main()
