"""Tests of block kinds as descriptions, and that a new one runs in every way there is."""

import pathlib
import re
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_network import FrozenEstimator
from elastic_tf.layers.block_kinds import BLOCK_KINDS, BlockKind, Conv, Norm
from elastic_tf.layers.elastic_block import ElasticBlock
from elastic_tf.models import backbones
from elastic_tf.models.estimator import Estimator
from elastic_tf.models.standalone import fixed_network
from tests import testing
from tests.testing import TASKS, normal, profiler_macs, random_images, random_levels, randomise

CONTRIBUTING = pathlib.Path(__file__).parents[3] / "docs" / "CONTRIBUTING.md"


class BlockKindTest(testing.TestCase):
    def test_an_unknown_shortcut_is_named(self):
        self.run_refusal_test(BlockKind, {"steps": (Conv(),)}, "shortcut", "highway")

    def test_layers_are_counted_by_their_kind(self):
        steps = (Conv(1), Norm("relu6"), Conv(depthwise=True), Norm(None), Conv(1))
        named = list(zip(steps, ["conv1", "norm1", "conv2", "norm2", "conv3"], strict=True))
        self.assertEqual(BlockKind(steps).named_steps(), named)

    @parameterized.parameters(
        ("pool_pad", 4, 8, 2, True),
        ("identity", 8, 8, 1, True),
        ("identity", 8, 8, 2, False),
        ("identity", 4, 8, 1, False),
        (None, 8, 8, 1, False),
    )
    def test_whether_there_is_a_shortcut(self, shortcut, in_channels, filters, strides, expected):
        kind = BlockKind((Conv(),), shortcut=shortcut)
        self.assertEqual(kind.has_shortcut(in_channels, filters, strides), expected)


class KindOfOnesOwnTest(testing.TestCase):
    """The example of docs/CONTRIBUTING.md, and a family of backbones of it."""

    def setUp(self):
        super().setUp()
        self.enter_context(mock.patch.dict(BLOCK_KINDS))
        self.enter_context(mock.patch.dict(backbones.FAMILIES, triple=("triple", 3, 3)))
        (example,) = re.findall(r"```python\n(.*?)```", CONTRIBUTING.read_text(), re.DOTALL)
        self.names = {}
        exec(example, self.names)

    @parameterized.parameters(False, True)
    def test_grouped_and_masked_agree(self, training):
        config = self.names["block"].get_config() | {"tasks": ["a"], "filters": 6}
        grouped = ElasticBlock.from_config(config)
        masked = ElasticBlock.from_config(config | {"execution": "masked"})
        for block in (grouped, masked):
            block.build((None, 5, 5, 8))
        randomise(grouped)
        levels = tf.constant([3, 0, 2, 3, 1, 0])
        inputs = tf.constant(normal(len(levels), 5, 5, 8))
        self.run_agreement_test(grouped, masked, inputs, levels, training)

    def test_a_network_of_it_is_frozen_cut_out_and_counted(self):
        tasks = {"grey": TASKS["grey"]}
        estimator = randomise(Estimator(tasks, backbone="triple-11-4", trunk_size=8))
        self.assertEqual([block.kind for block in estimator.blocks], 3 * ["triple"])
        images, levels = random_images(batch=5), random_levels(estimator, 5)
        levels[0] = 0, 1, 3
        expected = estimator(images, levels=levels, task="grey")
        frozen = FrozenEstimator(estimator, "grey")
        self.assert_near(frozen(images, levels), expected)
        fixed = fixed_network(estimator, "grey", levels[0])
        self.assert_near(fixed(images[:1]), expected[:1])
        self.assertEqual(
            estimator.cost_table("grey").macs(levels[:1]).numpy()[0], profiler_macs(fixed)
        )
