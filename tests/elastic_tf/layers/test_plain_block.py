import keras
import numpy as np
import tensorflow as tf

from elastic_tf.layers.plain_block import ElasticPlainBlock
from tests.testing import randomise


class ElasticPlainBlockTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.block = ElasticPlainBlock(8, tasks=["a"], strides=2, num_convs=3)
        self.block.build((None, 6, 6, 4))
        randomise(self.block)
        self.inputs = np.random.default_rng(0).normal(size=(3, 6, 6, 4)).astype(np.float32)

    def test_full_level_is_a_plain_stack(self):
        expected = keras.layers.MaxPooling2D(2, padding="same")(self.inputs)
        for conv, norm in zip(self.block.convs, self.block.norms, strict=True):
            expected = tf.nn.conv2d(expected, conv.kernel.value, 1, "SAME")
            plain = keras.layers.BatchNormalization(epsilon=1e-3)
            plain.build(expected.shape)
            plain.set_weights(
                [norm.gamma, norm.beta, norm.moving_means["a"], norm.moving_variances["a"]]
            )
            expected = tf.nn.relu(plain(expected))
        self.assertAllClose(self.block(self.inputs, task="a"), expected, atol=1e-5)

    def test_lowest_level_keeps_a_few_channels(self):
        self.assertEqual(self.block.channels_per_level, (1, 2, 4, 8))

    def test_macs_by_hand(self):
        expected = tuple(9 * 9 * (4 * width + width * width + width * 8) for width in (1, 2, 4, 8))
        self.assertEqual(self.block.macs((6, 6)), expected)

    def test_one_convolution_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`num_convs` must be an integer >= 2"):
            ElasticPlainBlock(8, tasks=["a"], num_convs=1)


if __name__ == "__main__":
    tf.test.main()
