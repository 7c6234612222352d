"""Tests of the frozen network."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import pipelines
from elastic_tf.inference.frozen_network import (
    FrozenNetwork,
    FrozenScores,
    FrozenSelector,
    PortableNetwork,
)
from elastic_tf.layers.level_scores import FEATURES, LevelScores
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.models.selector import Selector
from elastic_tf.policies.budget import BudgetCalibration, priced_greedy
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.stages import StageSchedule
from tests.testing import TASKS, random_images, randomise


class FrozenScoresTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(features=FEATURES, task=("a", "b"))
    def test_they_are_the_scores(self, features, task):
        scores = LevelScores({"a": 5, "b": 3}, 2, 3, features=features)
        scores.build((None, 4))
        randomise(scores)
        pooled = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
        actual = tf.function(FrozenScores(scores, task))(pooled)
        expected, _ = scores(pooled, task=task)
        self.assertAllClose(tf.reshape(actual, (6, 2, 3)), expected, rtol=1e-4, atol=1e-4)


class FrozenSelectorTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(
        backbone=("wrn-8-1", "resnet-10-4", "vgg-8-4"), task=tuple(TASKS), batch=(0, 1, 6)
    )
    def test_it_is_the_selector(self, backbone, task, batch):
        selector = Selector(TASKS, backbone=backbone, num_blocks=3, num_levels=4)
        randomise(selector)
        images = random_images(task, batch)
        actual = tf.function(FrozenSelector(selector, task))(images)
        self.assertEqual(actual.shape, (batch, 3, 4))
        self.assertAllClose(actual, selector(images, task=task), rtol=1e-4, atol=1e-4)

    @parameterized.parameters("pooled", "normalised")
    def test_features_of_less(self, features):
        selector = Selector(TASKS, "wrn-8-1", num_blocks=3, num_levels=4, features=features)
        randomise(selector)
        images = random_images("grey", 3)
        actual = FrozenSelector(selector, "grey")(images)
        self.assertAllClose(actual, selector(images, task="grey"), rtol=1e-4, atol=1e-4)

    def test_wrong_images_are_named(self):
        frozen = FrozenSelector(Selector(TASKS, "wrn-8-1", 3, 4), "grey")
        with self.assertRaisesRegex(ValueError, r"Received: images.shape=\(2, 8, 8, 3\)"):
            frozen(np.zeros((2, 8, 8, 3)))


def trained_network(steps=60):
    """Returns a masked network after a short training on real digits, and test images."""
    data = pipelines.DataSettings(batch_size=32)
    specs = [pipelines.get_task("digits")]
    network = DeepElasticNetwork(
        pipelines.network_tasks(specs), backbone="wrn-8-1", execution="masked"
    )
    network.compile(stages=StageSchedule(steps // 2, 1, steps // 4, steps // 4))
    batches = data.training_batches(specs, seed=0)
    network.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
    ((images, _),) = data.split_batches(specs[0], "test", 64).take(1)
    return network, images


class FrozenNetworkTest(tf.test.TestCase):
    def test_trained_weights_give_the_masked_networks_answers(self):
        network, images = trained_network()
        frozen = FrozenNetwork(network, "digits")
        actual = tf.function(frozen)(images)
        expected = network(images, task="digits", return_levels=True)
        self.assertAllEqual(actual["levels"], expected["levels"])
        levels = np.random.default_rng(0).integers(0, 4, (len(images), network.num_blocks))
        logits = tf.function(frozen.estimator)(images, levels)
        reference = network.estimator(images, levels=levels, task="digits")
        for fast, slow in ((actual["logits"], expected["logits"]), (logits, reference)):
            error = np.abs(fast - slow).max() / np.abs(slow).max()
            self.assertLess(error, 1e-4)

    def test_any_batch_size_goes_through_one_graph(self):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        randomise(network)
        spec = tf.TensorSpec((None, *TASKS["grey"]["image_shape"]), tf.uint8)
        predict = tf.function(FrozenNetwork(network, "grey"), input_signature=[spec])
        images = random_images("grey", 7)
        whole = predict(images)
        for size in (0, 1, 3):
            part = predict(images[:size])
            self.assertAllEqual(part["levels"], whole["levels"][:size])
            self.assertAllClose(part["logits"], whole["logits"][:size], rtol=1e-4, atol=1e-5)

    def test_it_holds_no_variables(self):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        images = tf.constant(random_images("grey", 2))
        graph = tf.function(FrozenNetwork(network, "grey")).get_concrete_function(images)
        self.assertEmpty(graph.variables)

    def test_a_budget_is_charged_at_its_price(self):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        randomise(network)
        images = random_images("grey", 40)
        logits = network.selector(images, task="grey").numpy()
        shares = network.cost_table("grey").block_shares
        high = 4 * float(np.ptp(logits))
        frozen = FrozenNetwork(network, "grey", BudgetCalibration([0.4, 0.8], [high, -high]))
        predict = tf.function(frozen)
        for budget, price in ((0.4, high), (0.5, high / 2), (0.8, -high)):
            expected = (logits - price * shares).argmax(-1)
            self.assertNotAllEqual(expected, logits.argmax(-1))
            for given in (budget, tf.constant(budget)):
                answer = predict(images, given)
                self.assertAllEqual(answer["levels"], expected)
                reference = network.estimator(images, levels=expected, task="grey")
                self.assertAllClose(answer["logits"], reference, rtol=1e-3, atol=1e-4)
            self.assertAllEqual(frozen.select_levels(images, budget), expected)

    def test_without_a_budget_a_calibration_changes_nothing(self):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        randomise(network)
        images = random_images("grey", 40)
        frozen = FrozenNetwork(network, "grey", BudgetCalibration([0.5], [1e9]))
        expected = network.selector(images, task="grey").numpy().argmax(-1)
        self.assertAllEqual(tf.function(frozen)(images)["levels"], expected)

    def test_a_budget_without_calibration_is_refused(self):
        frozen = FrozenNetwork(ElasticNetwork(TASKS, backbone="wrn-8-1"), "grey")
        with self.assertRaisesRegex(ValueError, "`budget` must be None .* Received: budget=0.4"):
            frozen(random_images("grey", 2), 0.4)

    def test_a_budget_out_of_range_is_refused(self):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        frozen = FrozenNetwork(network, "grey", BudgetCalibration([0.5], [0.0]))
        with self.assertRaisesRegex(ValueError, r"`budget` must be a number in \(0, 1\]"):
            frozen.select_levels(random_images("grey", 2), 1.5)


def make_network(backbone="wrn-8-1"):
    network = ElasticNetwork(TASKS, backbone=backbone, trunk_size=4)
    randomise(network)
    return network


class PortableNetworkTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(backbone=("wrn-8-1", "vgg-8-8"), task=tuple(TASKS))
    def test_it_answers_as_the_frozen_network(self, backbone, task):
        network, images = make_network(backbone), random_images(task, 20)
        actual = tf.function(PortableNetwork(network, task))(images)
        expected = FrozenNetwork(network, task)(images)
        self.assertAllEqual(actual["levels"], expected["levels"])
        self.assertAllClose(actual["logits"], expected["logits"], rtol=1e-4, atol=1e-5)

    def test_any_batch_size_goes_through_one_graph(self):
        network = make_network()
        spec = tf.TensorSpec((None, *TASKS["grey"]["image_shape"]), tf.uint8)
        predict = tf.function(PortableNetwork(network, "grey"), input_signature=[spec])
        images = random_images("grey", 7)
        whole = predict(images)
        for size in (1, 2, 5):
            part = predict(images[:size])
            self.assertAllEqual(part["levels"], whole["levels"][:size])
            self.assertAllClose(part["logits"], whole["logits"][:size], rtol=1e-4, atol=1e-5)

    def test_macs_have_their_price(self):
        network, images = make_network(), random_images("grey", 20)
        logits = network.selector(images, task="grey")
        price = float(tf.reduce_max(logits) - tf.reduce_min(logits))
        levels = PortableNetwork(network, "grey", price)(images)["levels"]
        shares = network.cost_table("grey").block_shares
        self.assertAllEqual(levels, priced_greedy(logits, shares, price))
        self.assertNotAllEqual(levels, priced_greedy(logits, shares, 0.0))

    def test_images_of_another_shape_are_refused(self):
        with self.assertRaisesRegex(ValueError, "Images of task 'grey' must have shape"):
            PortableNetwork(make_network(), "grey")(random_images("colour"))


if __name__ == "__main__":
    tf.test.main()
