"""Tests of frozen blocks."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_blocks import (
    conv_bias_relu,
    fold_norm,
    freeze_block,
    scale_and_offset,
)
from elastic_tf.layers.blocks import ElasticResidualBlock, ElasticVggBlock
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization
from tests.testing import randomise


def make_norm(channels, task="b"):
    """Returns a norm of two tasks, and Keras's own with the averages of one of them."""
    norm = TaskBatchNormalization(["a", "b"])
    norm.build((None, 2, 2, channels))
    randomise(norm)
    keras_norm = keras.layers.BatchNormalization(epsilon=norm.epsilon)
    keras_norm.build((None, 2, 2, channels))
    means, variances = norm.moving_means[task], norm.moving_variances[task]
    keras_norm.set_weights([np.array(v) for v in (norm.gamma, norm.beta, means, variances)])
    return norm, keras_norm


class FoldingTest(tf.test.TestCase):
    def test_scale_and_offset_do_what_keras_does(self):
        norm, keras_norm = make_norm(5)
        inputs = np.random.default_rng(0).normal(size=(2, 3, 3, 5)).astype(np.float32)
        scale, offset = scale_and_offset(norm, "b")
        self.assertAllClose(inputs * scale + offset, keras_norm(inputs), rtol=1e-5, atol=1e-5)

    def test_folded_convolution_is_convolution_and_norm(self):
        norm, keras_norm = make_norm(5)
        rng = np.random.default_rng(0)
        inputs = rng.normal(size=(2, 4, 4, 3)).astype(np.float32)
        kernel = rng.normal(size=(3, 3, 3, 5)).astype(np.float32)
        folded, bias = fold_norm(kernel, norm, "b")
        actual = tf.nn.conv2d(inputs, folded, 1, "SAME") + bias
        expected = keras_norm(tf.nn.conv2d(inputs, kernel, 1, "SAME"))
        self.assertAllClose(actual, expected, rtol=1e-4, atol=1e-4)


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


CASES = [(block_class, strides) for block_class in ("residual", "plain") for strides in (1, 2)]


def make_block(kind, strides=1, filters=8):
    """Returns a masked block of two tasks, the reference, with random weights."""
    block_class = {"residual": ElasticResidualBlock, "plain": ElasticVggBlock}[kind]
    kwargs = {"num_convs": 3} if kind == "plain" else {}
    block = block_class(filters, ["a", "b"], strides=strides, execution="masked", **kwargs)
    block.build((None, 5, 5, 6))
    randomise(block)
    return block


def features(batch):
    return np.random.default_rng(1).normal(size=(batch, 5, 5, 6)).astype(np.float32)


class FrozenBlockTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*CASES)
    def test_groups_are_the_masked_block(self, kind, strides):
        block, inputs = make_block(kind, strides), features(7)
        levels = np.array([0, 0, 1, 2, 2, 3, 3])
        run = tf.function(freeze_block(block, "b"))
        actual = run(inputs, tf.constant([2, 1, 2, 2]))
        self.assertAllClose(actual, block(inputs, levels=levels, task="b"), rtol=1e-4, atol=1e-5)

    @parameterized.parameters(*CASES)
    def test_one_image_is_the_masked_block(self, kind, strides):
        block, inputs = make_block(kind, strides), features(1)
        run = tf.function(freeze_block(block, "b").run_one)
        for level in range(block.num_levels):
            expected = block(inputs, levels=[level], task="b")
            actual = run(inputs, tf.constant(level))
            self.assertAllClose(actual, expected, rtol=1e-4, atol=1e-5)

    @parameterized.parameters(*CASES)
    def test_without_sizes_it_is_the_top_level(self, kind, strides):
        block, inputs = make_block(kind, strides), features(3)
        actual = freeze_block(block, "a")(inputs)
        self.assertAllClose(actual, block(inputs, levels=[3] * 3, task="a"), rtol=1e-4, atol=1e-5)

    def test_level_0_of_a_residual_block_computes_nothing(self):
        block, inputs = make_block("residual", filters=6), features(3)
        for weight in block.weights:
            weight.assign(np.full(weight.shape, np.nan))
        frozen = freeze_block(block, "a")
        self.assertAllEqual(frozen(inputs, tf.constant([3, 0, 0, 0])), inputs)
        self.assertAllEqual(frozen.run_one(inputs[:1], tf.constant(0)), inputs[:1])


if __name__ == "__main__":
    tf.test.main()
