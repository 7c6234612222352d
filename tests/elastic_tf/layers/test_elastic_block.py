"""What must hold for every elastic block: grouped and masked execution agree, and more."""

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.elastic_block import ElasticBlock
from tests import testing
from tests.testing import BLOCKS, block_step, normal, randomise

LEVELS = {
    "random": [0, 1, 1, 0, 1, 0, 0],
    "spread": [3, 0, 2, 1, 3, 0, 1],
    "empty_groups": [3, 0, 0, 3],
    "all_top": [3, 3, 3],
    "all_lowest": [0, 0, 0],
    "batch_1": [1],
    "batch_0": [],
}


def make_block(name, execution="grouped"):
    block = ElasticBlock(tasks=["a", "b"], execution=execution, **BLOCKS[name])
    block.build((None, 5, 5, 8))
    return randomise(block)


def make_inputs(levels, block):
    """Returns inputs, and levels that the block has."""
    levels = np.minimum(levels, block.num_levels - 1).astype(np.int32)
    return tf.constant(normal(len(levels), 5, 5, 8)), tf.constant(levels)


class ElasticBlockTest(testing.TestCase):
    @parameterized.product(name=tuple(BLOCKS), training=(False, True))
    def test_grouped_and_masked_agree(self, name, training):
        grouped, masked = make_block(name), make_block(name, "masked")
        for case in ("spread", "random", "empty_groups", "batch_0"):
            with self.subTest(case):
                batch = make_inputs(LEVELS[case], grouped)
                self.run_agreement_test(grouped, masked, *batch, training)

    @parameterized.parameters(
        *((name, True) for name in BLOCKS if name != "vgg"),
        ("basic_strided", False),
        ("inverted_residual_strided", False),
        ("bottleneck_v2_projected", False),
        ("vgg", False),
    )
    @pytest.mark.slow
    def test_so_do_they_in_a_graph_for_any_batch_size(self, name, training):
        grouped, masked = make_block(name), make_block(name, "masked")
        signature = [tf.TensorSpec((None, 5, 5, 8)), tf.TensorSpec((None,), tf.int32)]
        graph = tf.function(block_step(grouped, training), input_signature=signature)
        for case, levels in LEVELS.items():
            with self.subTest(case):
                batch = make_inputs(levels, grouped)
                self.run_agreement_test(grouped, masked, *batch, training, graph)

    @parameterized.parameters(*BLOCKS)
    def test_an_instance_does_not_depend_on_its_batch(self, name):
        block = make_block(name)
        self.run_batch_independence_test(
            lambda inputs, levels: block(inputs, levels=levels, task="a"),
            *make_inputs([3, 1, 0, 2, 1], block),
        )

    def test_sums_over_fewer_channels_are_normalised_by_themselves(self):
        block = make_block("inverted_residual_strided")
        levels = np.repeat([0, 1, 2, 3], 6)
        inputs, levels = make_inputs(levels, block)
        outputs = block(inputs, levels=levels, task="a", training=True).numpy()
        for level in range(4):  # It has no shortcut: the norm comes last.
            of_level = outputs[levels == level]
            self.assertAllClose(of_level.mean((0, 1, 2)), block.norm3.beta, atol=1e-4)
            self.assertAllClose(of_level.std((0, 1, 2)), block.norm3.gamma, rtol=2e-2)

    @parameterized.parameters(*BLOCKS)
    def test_levels_left_out_mean_the_top_level(self, name):
        block = make_block(name)
        inputs, levels = make_inputs([9, 9, 9], block)
        expected = block(inputs, levels=levels, task="a")
        self.assertAllClose(block(inputs, task="a"), expected, atol=1e-5)

    @parameterized.parameters(*BLOCKS)
    def test_one_hot_gates_give_what_their_levels_give(self, name):
        block = make_block(name)
        for levels in LEVELS.values():
            inputs, levels = make_inputs(levels, block)
            self.assertAllClose(
                block(inputs, gates=tf.one_hot(levels, block.num_levels), task="a"),
                block(inputs, levels=levels, task="a"),
                atol=1e-5,
            )

    @parameterized.parameters(*BLOCKS)
    def test_the_gradient_of_gates_is_what_little_changes_do(self, name):
        block = make_block(name)
        inputs, levels = make_inputs([0, 1], block)
        gates = tf.one_hot(levels, block.num_levels)
        target = normal(*block(inputs, task="a").shape, seed=1)

        def score(gates):
            return tf.reduce_sum(block(inputs, gates=gates, task="a") * target)

        with tf.GradientTape() as tape:
            tape.watch(gates)
            value = score(gates)
        gradient = tape.gradient(value, gates).numpy()
        little = 3e-4
        for row, level in np.ndindex(gradient.shape):
            change = np.zeros(gates.shape, np.float32)
            change[row, level] = little
            measured = (score(gates + change) - score(gates - change)) / (2 * little)
            self.assertAllClose(measured, gradient[row, level], rtol=2e-2, atol=0.15)
        # Also of channels that are off, except where level 0 uses none.
        self.assertEqual(block.channels_per_level[0] == 0, not gradient[:, 0].any())
        self.assertTrue(gradient[0, 1:].all())

    def test_gates_come_alone(self):
        block = make_block("basic")
        inputs, levels = make_inputs([0, 1], block)
        gates = tf.one_hot(levels, 4)
        for arguments, fault in (
            ({"gates": gates, "levels": levels}, "`gates` must come without `levels`.*given"),
            ({"gates": gates, "training": True}, "not in training.*training=True"),
            ({"gates": gates[:, 1:]}, "`gates` must be of shape"),
        ):
            with self.assertRaisesRegex(ValueError, fault):
                block(inputs, task="a", **arguments)

    @parameterized.parameters(*BLOCKS)
    def test_config(self, name):
        init_kwargs = BLOCKS[name] | {"tasks": ["a", "b"], "execution": "masked"}
        self.run_config_test(ElasticBlock, init_kwargs)

    @parameterized.parameters(
        ("basic", "execution", "fast"),
        ("basic", "ratios", (0.5, 1.0)),
        ("vgg", "ratios", (0.0, 1.0)),
        ("basic", "kind", "dense"),
    )
    def test_bad_arguments_are_named(self, block, name, value):
        self.run_refusal_test(ElasticBlock, BLOCKS[block] | {"tasks": ["a"]}, name, value)

    def test_level_0_needs_a_shortcut(self):
        block = ElasticBlock("inverted_residual", 8, tasks=["a"], strides=2)
        with self.assertRaisesRegex(ValueError, "`ratios` .*no shortcut.* must start above 0"):
            block.build((None, 5, 5, 8))
