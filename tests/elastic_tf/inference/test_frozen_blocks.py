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
from tests import testing
from tests.testing import keras_norm, normal, randomise


class FoldingTest(testing.TestCase):
    def test_a_folded_normalisation_is_keras(self):
        norm = TaskBatchNormalization(["a", "b"])
        norm.build((None, 2, 2, 5))
        reference = keras_norm(randomise(norm), "b")
        inputs, kernel = normal(2, 4, 4, 3), normal(3, 3, 3, 5, seed=1)
        features = tf.nn.conv2d(inputs, kernel, 1, "SAME")
        scale, offset = scale_and_offset(norm, "b")
        self.assertAllClose(features * scale + offset, reference(features), rtol=1e-4, atol=1e-4)
        folded, bias = fold_norm(kernel, norm, "b")
        actual = tf.nn.conv2d(inputs, folded, 1, "SAME") + bias
        self.assertAllClose(actual, reference(features), rtol=1e-4, atol=1e-4)

    @parameterized.parameters(1, 2)
    def test_a_fused_convolution_is_the_keras_layer(self, strides):
        images, kernel, bias = normal(2, 5, 5, 3), normal(3, 3, 3, 4, seed=1), normal(4, seed=2)
        layer = keras.layers.Conv2D(4, 3, strides, "same", activation="relu")
        layer.build(images.shape)
        layer.set_weights([kernel, bias])
        actual = tf.function(conv_bias_relu)(images, kernel, bias, strides)
        self.assertAllClose(actual, layer(images), rtol=1e-5, atol=1e-5)


BLOCKS = {
    "residual": (ElasticResidualBlock, {}),
    "residual_strided": (ElasticResidualBlock, {"strides": 2}),
    "vgg": (ElasticVggBlock, {"num_convs": 3}),
    "vgg_strided": (ElasticVggBlock, {"num_convs": 3, "strides": 2}),
}


def make_block(name, filters=8):
    """Returns a masked block of two tasks, the reference, with random weights."""
    block_class, kwargs = BLOCKS[name]
    block = block_class(filters, ["a", "b"], execution="masked", **kwargs)
    block.build((None, 5, 5, 6))
    return randomise(block)


class FrozenBlockTest(testing.TestCase):
    @parameterized.parameters(*BLOCKS)
    def test_it_is_the_masked_block(self, name):
        block, inputs = make_block(name), normal(7, 5, 5, 6)
        frozen = freeze_block(block, "b")

        def check(actual, levels):
            expected = block(inputs[: len(levels)], levels=levels, task="b")
            self.assertAllClose(actual, expected, rtol=1e-4, atol=1e-5)

        check(tf.function(frozen)(inputs, tf.constant([2, 1, 2, 2])), [0, 0, 1, 2, 2, 3, 3])
        check(frozen(inputs), [3] * 7)
        run_one = tf.function(frozen.run_one)
        for level in range(4):
            check(run_one(inputs[:1], tf.constant(level)), [level])
        levels = [2, 0, 3, 1, 0, 3, 2]
        outputs, order = tf.function(frozen.run_gathered)(inputs, tf.constant(levels))
        check(tf.gather(outputs, np.argsort(order)), levels)

    def test_level_0_of_a_residual_block_computes_nothing(self):
        block, inputs = make_block("residual", filters=6), normal(3, 5, 5, 6)
        for weight in block.weights:
            weight.assign(np.full(weight.shape, np.nan))
        frozen = freeze_block(block, "a")
        self.assertAllEqual(frozen(inputs, tf.constant([3, 0, 0, 0])), inputs)
        self.assertAllEqual(frozen.run_one(inputs[:1], tf.constant(0)), inputs[:1])
