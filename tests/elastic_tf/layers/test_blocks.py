"""Tests of the kinds of blocks."""

from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.layers.blocks import ElasticResidualBlock, ElasticVggBlock, PoolPadShortcut
from tests.testing import randomise


class PoolPadShortcutTest(tf.test.TestCase):
    def test_identity_where_nothing_changes(self):
        inputs = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype(np.float32)
        self.assertAllEqual(PoolPadShortcut(4)(inputs), inputs)

    def test_strides_pool_and_width_pads_half_on_each_side(self):
        inputs = np.random.default_rng(0).normal(size=(2, 5, 4, 4)).astype(np.float32)
        outputs = PoolPadShortcut(7, strides=2)(inputs).numpy()
        pooled = keras.layers.AveragePooling2D(2, padding="same")(inputs)
        self.assertAllClose(outputs[..., 1:5], pooled)
        self.assertAllEqual(outputs[..., [0, 5, 6]], np.zeros((2, 3, 2, 3)))

    def test_an_empty_batch_stays_empty(self):
        call = tf.function(PoolPadShortcut(8, 2), input_signature=[tf.TensorSpec((None, 4, 4, 4))])
        self.assertEqual(call(tf.zeros((0, 4, 4, 4))).shape, (0, 2, 2, 8))

    def test_narrowing_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`filters` must be at least the 4 input channels"):
            PoolPadShortcut(2)(tf.zeros((1, 2, 2, 4)))


class ElasticResidualBlockTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.block = ElasticResidualBlock(8, tasks=["a"], strides=2)
        self.block.build((None, 6, 6, 4))
        randomise(self.block)
        self.inputs = np.random.default_rng(0).normal(size=(3, 6, 6, 4)).astype(np.float32)

    def test_level_0_is_exactly_the_shortcut(self):
        outputs = self.block(self.inputs, levels=[0, 0, 0], task="a")
        pooled = keras.layers.AveragePooling2D(2)(self.inputs).numpy()
        self.assertAllEqual(outputs, np.pad(pooled, [(0, 0), (0, 0), (0, 0), (2, 2)]))

    def test_level_0_runs_no_convolution(self):
        with mock.patch.object(tf.nn, "conv2d") as conv2d:
            self.block(self.inputs, levels=[0, 0, 0], task="a")
        conv2d.assert_not_called()

    def test_full_level_is_a_plain_preactivation_block(self):
        layers = keras.layers
        norms = [layers.BatchNormalization(epsilon=1e-3) for _ in range(2)]
        convs = [layers.Conv2D(8, 3, strides, "same", use_bias=False) for strides in (2, 1)]
        hidden = tf.constant(self.inputs)
        for norm, conv, ours, our_conv in zip(
            norms,
            convs,
            (self.block.norm1, self.block.norm2),
            (self.block.conv1, self.block.conv2),
            strict=True,
        ):
            norm.build(hidden.shape)
            norm.set_weights(
                [ours.gamma, ours.beta, ours.moving_means["a"], ours.moving_variances["a"]]
            )
            hidden = tf.nn.relu(norm(hidden))
            conv.build(hidden.shape)
            conv.set_weights([our_conv.kernel])
            hidden = conv(hidden)
        expected = self.block.shortcut(self.inputs) + hidden
        actual = self.block(self.inputs, levels=[3, 3, 3], task="a")
        self.assertAllClose(actual, expected, atol=1e-5)

    def test_first_norm_averages_only_the_instances_that_run(self):
        self.block(self.inputs, levels=[0, 1, 3], task="a", training=True)
        fresh = ElasticResidualBlock(8, tasks=["a"], strides=2)
        fresh.build((None, 6, 6, 4))
        fresh(self.inputs, levels=[0, 1, 3], task="a", training=True)
        expected = 0.1 * self.inputs[1:].mean((0, 1, 2))
        self.assertAllClose(fresh.norm1.moving_means["a"], expected, atol=1e-6)

    def test_macs_by_hand(self):
        conv1 = [9 * 9 * 4 * width for width in (0, 2, 4, 8)]
        conv2 = [9 * 9 * width * 8 for width in (0, 2, 4, 8)]
        self.assertEqual(
            self.block.macs((6, 6)), tuple(a + b for a, b in zip(conv1, conv2, strict=True))
        )


class ElasticPlainBlockTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.block = ElasticVggBlock(8, tasks=["a"], strides=2, num_convs=3)
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
            ElasticVggBlock(8, tasks=["a"], num_convs=1)


if __name__ == "__main__":
    tf.test.main()
