"""What must hold for every elastic block: grouped and masked execution agree, and more."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.blocks import ElasticResidualBlock, ElasticVggBlock
from tests.testing import randomise

BLOCKS = {
    "residual": (ElasticResidualBlock, {"filters": 8, "ratios": (0.0, 0.25, 0.5, 1.0)}),
    "residual_strided": (ElasticResidualBlock, {"filters": 12, "strides": 2}),
    "residual_two_levels": (ElasticResidualBlock, {"filters": 8, "ratios": (0.0, 1.0)}),
    "plain": (ElasticVggBlock, {"filters": 8}),
    "plain_strided_three": (
        ElasticVggBlock,
        {"filters": 12, "strides": 2, "num_convs": 3, "ratios": (0.2, 0.5, 1.0)},
    ),
}
LEVELS = {
    "random": [0, 1, 1, 0, 1, 0, 0],
    "spread": [3, 0, 2, 1, 3, 0, 1],
    "empty_groups": [3, 0, 0, 3],
    "all_top": [3, 3, 3],
    "all_lowest": [0, 0, 0],
    "batch_1": [1],
    "batch_0": [],
}
CASES = [
    (f"{block}_{levels}_{'graph' if in_graph else 'eager'}", block, levels, in_graph)
    for block in BLOCKS
    for levels in LEVELS
    for in_graph in (False, True)
]


def make_block(name, execution="grouped"):
    block_class, kwargs = BLOCKS[name]
    block = block_class(tasks=["a", "b"], execution=execution, **kwargs)
    block.build((None, 5, 5, 8))
    randomise(block)
    return block


def make_inputs(levels, top):
    inputs = np.random.default_rng(len(levels)).normal(size=(len(levels), 5, 5, 8))
    return tf.constant(inputs, tf.float32), tf.constant(np.minimum(levels, top), tf.int32)


def run(block, inputs, levels, training, in_graph):
    """Returns outputs, gradients of all variables and of the inputs, and running averages."""
    target = tf.random.stateless_normal((len(levels), *block(inputs, task="a").shape[1:]), (0, 1))

    def step(inputs, levels, target):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = block(inputs, levels=levels, task="a", training=training)
            loss = tf.reduce_sum(outputs * target)
        sources = [inputs] + [v.value for v in block.trainable_variables]
        return outputs, tape.gradient(loss, sources, unconnected_gradients="zero")

    if in_graph:
        # A graph for any batch size, as training and serving have it.
        step = tf.function(
            step,
            input_signature=[
                tf.TensorSpec((None, *x.shape[1:]), x.dtype) for x in (inputs, levels, target)
            ],
        )
    outputs, gradients = step(inputs, levels, target)
    return outputs, gradients, [v.numpy() for v in block.non_trainable_variables]


class ElasticBlockTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.named_parameters(*CASES)
    def test_grouped_and_masked_agree(self, name, levels, in_graph):
        for training in (False, True):
            grouped, masked = make_block(name), make_block(name, "masked")
            inputs, chosen = make_inputs(LEVELS[levels], grouped.num_levels - 1)
            actual = run(grouped, inputs, chosen, training, in_graph)
            expected = run(masked, inputs, chosen, training, in_graph)
            self.assertAllClose(actual[0], expected[0], rtol=1e-5, atol=1e-5)
            self.assertAllClose(actual[1], expected[1], rtol=1e-4, atol=1e-4)
            self.assertAllClose(actual[2], expected[2], rtol=1e-5, atol=1e-5)

    @parameterized.parameters(*BLOCKS)
    def test_an_instance_does_not_depend_on_its_batch(self, name):
        block = make_block(name)
        inputs, levels = make_inputs([3, 1, 0, 2, 1], block.num_levels - 1)
        together = block(inputs, levels=levels, task="a")
        for i in range(5):
            alone = block(inputs[i : i + 1], levels=levels[i : i + 1], task="a")
            self.assertAllClose(together[i : i + 1], alone, atol=1e-5)

    @parameterized.parameters(*BLOCKS)
    def test_levels_left_out_mean_the_top_level(self, name):
        block = make_block(name)
        inputs, levels = make_inputs([9, 9, 9], block.num_levels - 1)
        self.assertAllClose(
            block(inputs, task="a"), block(inputs, levels=levels, task="a"), atol=1e-5
        )

    @parameterized.parameters(*BLOCKS)
    def test_sorted_rows_keep_their_order(self, name):
        block = make_block(name)
        inputs, levels = make_inputs([0, 1, 1, 2], block.num_levels - 1)
        self.assertAllClose(
            block(inputs, levels=levels, task="a", sorted_rows=True),
            block(inputs, levels=levels, task="a"),
            atol=1e-6,
        )

    @parameterized.named_parameters(*((f"{b}_{c}", b, c) for b in BLOCKS for c in LEVELS))
    def test_one_hot_gates_give_what_their_levels_give(self, name, levels):
        block = make_block(name)
        inputs, levels = make_inputs(LEVELS[levels], block.num_levels - 1)
        self.assertAllClose(
            block(inputs, gates=tf.one_hot(levels, block.num_levels), task="a"),
            block(inputs, levels=levels, task="a"),
            atol=1e-5,
        )

    @parameterized.parameters(*BLOCKS)
    def test_the_gradient_of_gates_is_what_little_changes_do(self, name):
        block = make_block(name)
        inputs, levels = make_inputs([0, 1, 0], block.num_levels - 1)
        gates = tf.one_hot(levels, block.num_levels)
        target = tf.random.stateless_normal(block(inputs, task="a").shape, (0, 1))

        def score(gates):
            return tf.reduce_sum(block(inputs, gates=gates, task="a") * target)

        with tf.GradientTape() as tape:
            tape.watch(gates)
            value = score(gates)
        gradient = tape.gradient(value, gates).numpy()
        little = 3e-4
        for row in range(3):
            for level in range(block.num_levels):
                change = np.zeros(gates.shape, np.float32)
                change[row, level] = little
                measured = (score(gates + change) - score(gates - change)) / (2 * little)
                self.assertAllClose(measured, gradient[row, level], rtol=2e-2, atol=0.15)
        # Also of channels that are off, except where level 0 uses none.
        self.assertEqual(block.channels_per_level[0] == 0, not gradient[:, 0].any())
        self.assertTrue(gradient[0, 1:].all())

    @parameterized.parameters(*BLOCKS)
    def test_gates_come_alone(self, name):
        block = make_block(name)
        inputs, levels = make_inputs([0, 1], block.num_levels - 1)
        gates = tf.one_hot(levels, block.num_levels)
        with self.assertRaisesRegex(ValueError, "`gates` must come without `levels`.*given"):
            block(inputs, levels=levels, gates=gates, task="a")
        with self.assertRaisesRegex(ValueError, "not in training.*training=True"):
            block(inputs, gates=gates, task="a", training=True)
        with self.assertRaisesRegex(ValueError, "`gates` must be of shape"):
            block(inputs, gates=gates[:, 1:], task="a")

    @parameterized.parameters(*BLOCKS)
    def test_config_round_trip(self, name):
        block = make_block(name)
        config = block.get_config()
        self.assertEqual(type(block).from_config(config).get_config(), config)
        self.assertEqual(config["filters"], BLOCKS[name][1]["filters"])

    def test_an_unknown_execution_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`execution` must be one of"):
            ElasticResidualBlock(8, tasks=["a"], execution="fast")


if __name__ == "__main__":
    tf.test.main()
