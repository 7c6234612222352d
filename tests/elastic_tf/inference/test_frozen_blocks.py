"""Tests of frozen blocks."""

import functools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_blocks import (
    freeze_block,
)
from elastic_tf.inference.rows import run_groups_for_litert, run_groups_for_onnx
from elastic_tf.layers.blocks import ElasticResidualBlock, ElasticVggBlock
from tests import testing
from tests.testing import normal, randomise

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
        for level in range(4):
            check(tf.function(frozen.run_at)(inputs, level), [level] * 7)
        run_one = tf.function(frozen.run_one)
        for level in range(4):
            check(run_one(inputs[:1], tf.constant(level)), [level])
        levels = [2, 0, 3, 1, 0, 3, 2]
        groups = [tf.constant(rows) for rows in ([1, 4], [3], [0, 6], [2, 5])]
        for run_groups in (run_groups_for_litert, run_groups_for_onnx):
            run = tf.function(functools.partial(frozen.run_gathered, run_groups=run_groups))
            outputs = run(inputs, groups)
            check(tf.gather(outputs, np.argsort(np.concatenate(groups))), levels)

    def test_level_0_of_a_residual_block_computes_nothing(self):
        block, inputs = make_block("residual", filters=6), normal(3, 5, 5, 6)
        for weight in block.weights:
            weight.assign(np.full(weight.shape, np.nan))
        frozen = freeze_block(block, "a")
        self.assertAllEqual(frozen(inputs, tf.constant([3, 0, 0, 0])), inputs)
        self.assertAllEqual(frozen.run_one(inputs[:1], tf.constant(0)), inputs[:1])
