"""Tests of frozen blocks."""

import functools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_blocks import FrozenBlock
from elastic_tf.inference.rows import run_groups_for_litert, run_groups_for_onnx
from elastic_tf.layers.elastic_block import ElasticBlock
from tests import testing
from tests.testing import BLOCKS, normal, randomise


def make_block(name):
    """Returns a masked block of two tasks, the reference, with random weights."""
    block = ElasticBlock(tasks=["a", "b"], execution="masked", **BLOCKS[name])
    block.build((None, 5, 5, 8))
    return randomise(block)


class FrozenBlockTest(testing.TestCase):
    @parameterized.parameters(*BLOCKS)
    def test_it_is_the_masked_block(self, name):
        block, inputs = make_block(name), normal(7, 5, 5, 8)
        frozen, top = FrozenBlock(block, "b"), block.num_levels - 1

        def check(actual, levels):
            levels = np.minimum(levels, top)
            expected = block(inputs[: len(levels)], levels=levels, task="b")
            self.assertAllClose(actual, expected, rtol=1e-4, atol=1e-5)

        sizes = np.bincount(np.minimum([0, 0, 1, 2, 2, 3, 3], top))
        check(tf.function(frozen)(inputs, tf.constant(sizes, tf.int32)), [0, 0, 1, 2, 2, 3, 3])
        check(frozen(inputs), [3] * 7)
        for level in range(block.num_levels):
            check(tf.function(frozen.run_at)(inputs, level), [level] * 7)
        run_one = tf.function(frozen.run_one)
        for level in range(block.num_levels):
            check(run_one(inputs[:1], tf.constant(level)), [level])
        levels = np.minimum([2, 0, 3, 1, 0, 3, 2], top).astype(np.int32)
        groups = [np.flatnonzero(levels == level) for level in range(block.num_levels)]
        for run_groups in (run_groups_for_litert, run_groups_for_onnx):
            run = tf.function(functools.partial(frozen.run_gathered, run_groups=run_groups))
            outputs = run(inputs, [tf.constant(rows, tf.int32) for rows in groups])
            check(tf.gather(outputs, np.argsort(np.concatenate(groups))), levels)

    def test_level_0_of_a_residual_block_computes_nothing(self):
        block, inputs = make_block("basic"), normal(3, 5, 5, 8)
        for weight in block.weights:
            weight.assign(np.full(weight.shape, np.nan))
        frozen = FrozenBlock(block, "a")
        self.assertAllEqual(frozen(inputs, tf.constant([3, 0, 0, 0])), inputs)
        self.assertAllEqual(frozen.run_one(inputs[:1], tf.constant(0)), inputs[:1])
