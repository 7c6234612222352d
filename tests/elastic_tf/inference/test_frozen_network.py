"""Tests of the frozen network."""

import gc

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_network import FrozenNetwork, PortableNetwork
from elastic_tf.inference.frozen_selector import FrozenSelector
from elastic_tf.layers.level_scores import FEATURES
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.models.selector import Selector
from elastic_tf.policies.budget import BudgetCalibration, priced_greedy
from tests import testing
from tests.testing import BACKBONES, TASKS, random_images, randomise


class FrozenSelectorTest(testing.TestCase):
    @parameterized.product(backbone=BACKBONES, task=tuple(TASKS))
    def test_it_is_the_selector(self, backbone, task):
        features = FEATURES[BACKBONES.index(backbone) % len(FEATURES)]
        selector = Selector(
            TASKS, backbone, num_blocks=3, num_levels=4, features=features, own_scores=["colour"]
        )
        frozen = FrozenSelector(randomise(selector), task)
        for batch in (0, 1, 6):
            images = random_images(task, batch)
            self.assertEqual(frozen(images).shape, (batch, 3, 4))
            expected = selector(images, task=task)
            self.assertAllClose(frozen(images), expected, rtol=1e-4, atol=1e-4)

    def test_wrong_images_are_named(self):
        frozen = FrozenSelector(Selector(TASKS, "wrn-8-1", 3, 4), "grey")
        with self.assertRaisesRegex(ValueError, r"Received: images.shape=\(2, 8, 8, 3\)"):
            frozen(np.zeros((2, 8, 8, 3)))


def any_batch(network, task="grey"):
    """Returns a frozen or portable network as a graph for any batch."""
    spec = tf.TensorSpec((None, *TASKS[task]["image_shape"]), tf.uint8)
    return tf.function(network, input_signature=[spec])


def num_graphs():
    """Returns how many graphs of functions are alive."""
    gc.collect()
    return sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())


class FrozenNetworkTest(testing.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4, execution="masked")
        randomise(cls.network)
        cls.images = random_images("grey", 40)
        cls.logits = cls.network.selector(cls.images, task="grey").numpy()
        cls.price = 4 * float(np.ptp(cls.logits))
        cls.shares = cls.network.cost_table("grey").block_shares

    def setUp(self):
        super().setUp()
        self.network.calibrations = {}

    def _check(self, answer, levels, images=None):
        images = self.images if images is None else images
        self.assertAllEqual(answer["levels"], levels)
        expected = self.network.estimator(images, levels=levels, task="grey")
        self.assert_near(answer["logits"], expected, share=1e-4)

    @parameterized.parameters(FrozenNetwork, PortableNetwork)
    def test_any_batch_goes_through_one_graph_without_variables(self, cls):
        predict = any_batch(cls(self.network, "grey"))
        levels = self.logits.argmax(-1)
        self.assertGreater(len(np.unique(levels, axis=0)), 3)
        for size in (1, 2, 5, 40):
            self._check(predict(self.images[:size]), levels[:size], self.images[:size])
        self.assertEmpty(predict.get_concrete_function().variables)
        if cls is FrozenNetwork:
            self.assertEqual(predict(self.images[:0])["logits"].shape, (0, 3))

    @pytest.mark.slow
    def test_no_graph_is_kept_when_a_frozen_network_is_gone(self):
        def freeze():
            predict = any_batch(FrozenNetwork(self.network, "grey"))
            predict(self.images[:3])
            predict_images = tf.function(self.network.estimator)
            predict_images(self.images, self.logits.argmax(-1), task="grey")

        freeze()  # What TensorFlow keeps of the first is no leak.
        before = num_graphs()
        for _ in range(2):
            freeze()
        self.assertEqual(num_graphs(), before)

    def test_a_budget_has_its_price(self):
        high = self.price
        self.network.calibrations["grey"] = BudgetCalibration([0.4, 0.8], [high, -high])
        frozen = FrozenNetwork(self.network, "grey")
        predict = tf.function(lambda images, budget: frozen(images, budget, "selector"))
        for budget, price in ((0.4, high), (0.5, high / 2), (0.8, -high)):
            expected = (self.logits - price * self.shares).argmax(-1)
            self.assertNotAllEqual(expected, self.logits.argmax(-1))
            self._check(predict(self.images, tf.constant(budget)), expected)
            self.assertAllEqual(frozen.select_levels(self.images, budget), expected)
        # Without a budget a calibration changes nothing.
        self.assertAllEqual(frozen.select_levels(self.images), self.logits.argmax(-1))
        with self.assertRaisesRegex(ValueError, r"`budget` must be a number in \(0, 1\]"):
            frozen.select_levels(self.images, 1.5)

    def test_a_budget_without_calibration_is_refused(self):
        frozen = FrozenNetwork(self.network, "grey")
        with self.assertRaisesRegex(ValueError, "`budget` must be None .* Received: budget=0.4"):
            frozen(self.images, 0.4, "selector")

    def test_a_portable_network_has_one_price(self):
        levels = PortableNetwork(self.network, "grey", self.price / 4)(self.images)["levels"]
        self.assertAllEqual(levels, priced_greedy(self.logits, self.shares, self.price / 4))
        self.assertNotAllEqual(levels, self.logits.argmax(-1))

    def test_a_portable_network_of_vgg_blocks(self):
        network = randomise(ElasticNetwork(TASKS, backbone="vgg-8-8", trunk_size=4))
        images = random_images("colour", 20)
        actual = PortableNetwork(network, "colour")(images)
        expected = network(images, task="colour", return_levels=True)
        self.assertAllEqual(actual["levels"], expected["levels"])
        self.assert_near(actual["logits"], expected["logits"], share=1e-4)

    def test_images_of_another_shape_are_refused(self):
        with self.assertRaisesRegex(ValueError, "Images of task 'grey' must have shape"):
            PortableNetwork(self.network, "grey")(random_images("colour"))

    def test_an_unknown_runtime_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`runtime` must be .* Received: runtime=tvm"):
            PortableNetwork(self.network, "grey", runtime="tvm")
