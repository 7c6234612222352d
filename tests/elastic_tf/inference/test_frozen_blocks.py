import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_blocks import freeze_block
from elastic_tf.layers.plain_block import ElasticPlainBlock
from elastic_tf.layers.residual_block import ElasticResidualBlock
from tests.testing import randomise

CASES = [(block_class, strides) for block_class in ("residual", "plain") for strides in (1, 2)]


def make_block(kind, strides=1, filters=8):
    """Returns a masked block of two tasks, the reference, with random weights."""
    block_class = {"residual": ElasticResidualBlock, "plain": ElasticPlainBlock}[kind]
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
