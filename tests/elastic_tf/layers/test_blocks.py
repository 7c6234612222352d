"""Tests of the kinds of blocks."""

from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.layers.elastic_block import ElasticBlock
from elastic_tf.layers.shortcut import PoolPadShortcut
from tests import testing
from tests.testing import keras_norm, normal, randomise


class PoolPadShortcutTest(testing.TestCase):
    def test_identity_where_nothing_changes(self):
        inputs = normal(2, 3, 3, 4)
        self.assertAllEqual(PoolPadShortcut(4)(inputs), inputs)

    def test_strides_pool_and_width_pads_half_on_each_side(self):
        inputs = normal(2, 5, 4, 4)
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

    def test_config(self):
        self.run_config_test(PoolPadShortcut, {"filters": 8, "strides": 2})


def conv(layer, images):
    return tf.nn.conv2d(images, layer.kernel.value, layer.strides, "SAME")


class BasicBlockTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.block = ElasticBlock("basic", 8, tasks=["a"], strides=2)
        self.block.build((None, 6, 6, 4))
        randomise(self.block)
        self.inputs = normal(3, 6, 6, 4)
        pooled = keras.layers.AveragePooling2D(2)(self.inputs).numpy()
        self.shortcut = np.pad(pooled, [(0, 0), (0, 0), (0, 0), (2, 2)])

    def test_level_0_is_exactly_the_shortcut_and_runs_no_convolution(self):
        with mock.patch.object(tf.nn, "conv2d") as conv2d:
            outputs = self.block(self.inputs, levels=[0, 0, 0], task="a")
        self.assertAllEqual(outputs, self.shortcut)
        conv2d.assert_not_called()

    def test_full_level_is_a_preactivation_block_of_keras_layers(self):
        hidden = tf.nn.relu(keras_norm(self.block.norm1, "a")(self.inputs))
        hidden = tf.nn.relu(keras_norm(self.block.norm2, "a")(conv(self.block.conv1, hidden)))
        expected = self.shortcut + conv(self.block.conv2, hidden)
        self.assertAllClose(self.block(self.inputs, task="a"), expected, atol=1e-5)

    def test_first_norm_averages_only_the_instances_that_run(self):
        before = self.block.norm1.moving_means["a"].numpy()
        self.block(self.inputs, levels=[0, 1, 3], task="a", training=True)
        expected = 0.9 * before + 0.1 * self.inputs[1:].mean((0, 1, 2))
        self.assertAllClose(self.block.norm1.moving_means["a"], expected, atol=1e-6)

    def test_macs_by_hand(self):
        expected = tuple(9 * 9 * (4 * width + width * 8) for width in (0, 2, 4, 8))
        self.assertEqual(self.block.macs((6, 6)), expected)


class VggBlockTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.block = ElasticBlock("vgg", 8, tasks=["a"], ratios=(0.125, 0.25, 0.5, 1.0), strides=2)
        self.block.build((None, 6, 6, 4))
        randomise(self.block)

    def test_full_level_is_a_stack_of_keras_layers(self):
        inputs = normal(3, 6, 6, 4)
        expected = keras.layers.MaxPooling2D(2, padding="same")(inputs)
        for layer, norm in (("conv1", "norm1"), ("conv2", "norm2")):
            outputs = conv(getattr(self.block, layer), expected)
            expected = tf.nn.relu(keras_norm(getattr(self.block, norm), "a")(outputs))
        self.assertAllClose(self.block(inputs, task="a"), expected, atol=1e-5)

    def test_lowest_level_keeps_a_few_channels_and_macs_by_hand(self):
        self.assertEqual(self.block.channels_per_level, (1, 2, 4, 8))
        expected = tuple(9 * 9 * (4 * width + width * 8) for width in (1, 2, 4, 8))
        self.assertEqual(self.block.macs((6, 6)), expected)
