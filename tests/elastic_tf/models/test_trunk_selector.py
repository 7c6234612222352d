"""Tests of the selector within the trunk: alone, in the network, and frozen."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_network import FrozenNetwork, PortableNetwork
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.models.trunk_selector import TrunkSelector
from elastic_tf.policies.budget import BudgetCalibration
from tests import testing
from tests.elastic_tf.models.trunk_networks import trunk_network
from tests.testing import TASKS, keras_norm, random_images, random_levels

INIT_KWARGS = {"tasks": TASKS, "backbone": "wrn-14-1", "num_levels": 3}


def picks(levels):
    """Returns a function that picks the levels given, whatever the scores."""
    return lambda scores, blocks: tf.constant(levels[:, blocks], tf.int32)


class TrunkSelectorTest(testing.TestCase):
    @parameterized.parameters("pooled", "normalised", "confident")
    def test_a_stage_is_scored_by_what_the_levels_before_have_made(self, features):
        network, images = trunk_network(features=features), random_images("colour", 5)
        estimator, selector = network.estimator, network.selector
        levels = random_levels(network, 5)
        routed = selector.route(estimator, images, "colour", picks(levels))
        self.assertAllEqual(routed.levels, levels)
        expected = estimator(images, levels=levels, task="colour")
        self.assert_near(routed.logits, expected)
        # The same by Keras' layers, and the blocks one by one.
        entering = estimator.stems["colour"](images)
        for stage, blocks in enumerate(selector.stages):
            head = selector.heads[stage]
            normalised = tf.nn.relu(keras_norm(head.norm, "colour")(entering, training=False))
            pooled = tf.reduce_mean(normalised, axis=[1, 2])
            scores, guess = head.scores(pooled, task="colour")
            self.assert_near(routed.scores[:, blocks], scores, share=1e-4)
            if features == "confident":
                self.assert_near(routed.guesses[stage], guess, share=1e-4)
            for index in range(blocks.start, blocks.stop):
                block = estimator.blocks[index]
                entering = block(entering, levels=levels[:, index], task="colour")
        self.assertLen(routed.guesses, 3 if features == "confident" else 0)

    def test_samples_are_all_images_again_and_again(self):
        network, images = trunk_network(), random_images("grey", 3)
        levels = random_levels(network, 6)
        routed = network.selector.route(network.estimator, images, "grey", picks(levels), samples=2)
        expected = network.estimator(np.tile(images, (2, 1, 1, 1)), levels=levels, task="grey")
        self.assert_near(routed.logits, expected)

    def test_variables_and_macs_are_those_of_the_heads(self):
        selector = TrunkSelector(**INIT_KWARGS, own_scores=["colour"])
        names = [variable.path for variable in selector.task_variables("grey")]
        self.assertFalse([name for name in names if "colour" in name])
        self.assertTrue(all(any(f"stage{k}" in name for name in names) for k in (1, 2, 3)))
        # Of 16, 16 and 32 channels: scores of two blocks, the guess, and what it says.
        expected = sum(width * (2 * 3 + 3) + 3 * 2 * 3 for width in (16, 16, 32))
        self.assertEqual(selector.macs("grey"), expected)
        self.assertEmpty(selector.guess_variables("grey"))

    def test_offsets_move_the_scores_of_their_blocks(self):
        network, images = trunk_network(), random_images("grey", 4)
        levels = picks(random_levels(network, 4))
        route = functools.partial(network.selector.route, network.estimator, images, "grey")
        before, amounts = route(levels).scores, np.arange(18.0).reshape(6, 3)
        network.selector.shift_offsets("grey", amounts)
        after = route(levels).scores
        network.selector.shift_offsets("grey", -amounts)
        self.assertAllClose(before - after, np.broadcast_to(amounts, (4, 6, 3)), atol=1e-4)

    def test_config_and_bad_arguments(self):
        changes = {"momentum": 0.5, "features": "pooled", "own_scores": ("grey",)}
        self.run_config_test(TrunkSelector, INIT_KWARGS | changes)
        self.run_refusal_test(TrunkSelector, INIT_KWARGS, "features", "none")
        arguments = {"tasks": TASKS, "backbone": "wrn-8-1"}
        self.run_refusal_test(ElasticNetwork, arguments, "selector_kind", "oracle")

    def test_it_is_a_setting(self):
        arguments = NetworkSettings("wrn-8-1", selector="trunk").arguments()
        self.assertEqual(arguments["selector_kind"], "trunk")
        self.assertEqual(NetworkSettings("wrn-8-1").arguments()["selector_kind"], "network")
        self.assertEqual(NetworkSettings("wrn-8-1").paper().selector, "network")


class RoutedNetworkTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        trunk_network().calibrations = {}

    def test_an_image_does_not_depend_on_its_batch(self):
        network, images = trunk_network(), random_images("grey", 6)
        self.assertGreater(len(np.unique(network.select_levels(images, "grey"), axis=0)), 1)
        self.run_batch_independence_test(
            lambda images: network.select_levels(images, "grey"), images
        )
        self.run_batch_independence_test(lambda images: network(images, task="grey"), images)

    @parameterized.parameters("pooled", "confident")
    @pytest.mark.slow
    def test_a_graph_for_any_batch_takes_none(self, features):
        network, images = trunk_network(features=features), random_images("grey", 3)
        spec = tf.TensorSpec((None, *images.shape[1:]), tf.uint8)
        select = tf.function(lambda images: network.select_levels(images, "grey"), [spec])
        self.assertAllEqual(select(images), network.select_levels(images, "grey"))
        self.assertEqual(select(images[:0]).shape, (0, 6))

    def test_a_price_is_that_of_every_stage(self):
        network, images = trunk_network(), random_images("grey", 6)
        network.calibrations["grey"] = BudgetCalibration([0.2, 0.9], [1e5, -1e5])
        for budget, level in ((0.2, 0), (0.9, 2)):
            self.assertAllEqual(
                network.select_levels(images, "grey", budget), np.full((6, 6), level)
            )

    @parameterized.product(
        cls=(FrozenNetwork, PortableNetwork), backbone=("wrn-14-1", "resnet-10-4", "vgg-8-4")
    )
    def test_frozen_it_answers_alike(self, cls, backbone):
        network, images = trunk_network(backbone), random_images("grey", 40)
        spec = tf.TensorSpec((None, *TASKS["grey"]["image_shape"]), tf.uint8)
        predict = tf.function(cls(network, "grey"), input_signature=[spec])
        expected = network(images, task="grey", return_levels=True)
        self.assertGreater(len(np.unique(expected["levels"], axis=0)), 1)
        for size in (1, 2, 40):
            answer = predict(images[:size])
            self.assertAllEqual(answer["levels"], expected["levels"][:size])
            self.assert_near(answer["logits"], expected["logits"][:size], share=1e-4)
        self.assertEmpty(predict.get_concrete_function().variables)

    def test_a_frozen_network_has_scores_at_a_price_and_takes_no_image_or_one(self):
        network, images = trunk_network(), random_images("grey", 8)
        frozen = FrozenNetwork(network, "grey")
        network.calibrations["grey"] = BudgetCalibration([0.5], [2.0])
        scores, levels = network.score(images, "grey", 0.5)
        self.assert_near(frozen.score(images, 2.0), scores, share=1e-3)
        self.assertAllEqual(frozen.at_price(images, 2.0)["levels"], levels)
        for size in (0, 1):  # Known when the graph is made.
            answer = tf.function(frozen)(images[:size])
            self.assertAllEqual(answer["levels"], network.select_levels(images[:size], "grey"))
            self.assertEqual(answer["logits"].shape, (size, 3))
