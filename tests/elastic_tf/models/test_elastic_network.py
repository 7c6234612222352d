"""Tests of the network as it is used."""

import os

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_network import FrozenNetwork
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.policies.budget import BudgetCalibration
from elastic_tf.policies.second_look import SecondLook, SecondLookCalibration
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from tests import testing
from tests.testing import TASKS, random_images, randomise

LOOKS = [SecondLook((0, 1, 0), (1, 1, 1), 0.9, 1 / 3), SecondLook((1, 1, 0), (1, 1, 1), 0.1)]


class ElasticNetworkTest(testing.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = randomise(ElasticNetwork(TASKS, backbone="wrn-8-1", ratios=(0.0, 1.0)))
        cls.images = {task: random_images(task, 5) for task in TASKS}

    def setUp(self):
        super().setUp()
        self.network.calibrations = {}
        self.network.second_looks = {}

    def test_a_dict_of_tasks_gives_a_dict_of_logits_of_the_levels_returned(self):
        outputs = self.network(self.images, return_levels=True)
        logits = self.network(self.images)
        self.assertEqual({task: x.shape[1] for task, x in logits.items()}, {"grey": 3, "colour": 4})
        for task, images in self.images.items():
            levels = self.network.selector(images, task=task).numpy().argmax(-1)
            self.assertAllEqual(outputs[task]["levels"], levels)
            expected = self.network.estimator(images, levels=levels, task=task)
            self.assertAllClose(outputs[task]["logits"], expected, atol=1e-5)
            self.assertAllClose(logits[task], expected, atol=1e-5)

    def _high_price(self, task):
        return 4 * float(np.ptp(self.network.selector(self.images[task], task=task)))

    def _levels_at_price(self, task, price):
        logits = self.network.selector(self.images[task], task=task).numpy()
        return (logits - price * self.network.cost_table(task).block_shares).argmax(-1)

    def test_a_budget_has_a_price_of_its_own_in_each_task(self):
        prices = {"grey": self._high_price("grey"), "colour": -self._high_price("colour")}
        for task, price in prices.items():
            self.network.calibrations[task] = BudgetCalibration([0.5], [price])
        outputs = self.network(self.images, return_levels=True, budget=0.5, policy="selector")
        for task, price in prices.items():
            expected = self._levels_at_price(task, price)
            self.assertNotAllEqual(expected, self._levels_at_price(task, -price))
            self.assertAllEqual(outputs[task]["levels"], expected)
            levels = self.network.select_levels(self.images[task], task, budget=tf.constant(0.5))
            self.assertAllEqual(levels, expected)

    def test_a_second_look_is_the_dearer_models_answer_where_the_cheaper_is_unsure(self):
        images = self.images["grey"]
        first, second = (
            self.network.estimator(images, levels=np.tile(levels, (len(images), 1)), task="grey")
            for levels in ([0, 1, 0], [1, 1, 1])
        )
        confidence = tf.nn.softmax(first.numpy() / 2).numpy().max(-1)
        look = SecondLook([0, 1, 0], [1, 1, 1], np.median(confidence), 2.0)
        self.network.second_looks["grey"] = SecondLookCalibration([0.5], [look], [0.5])
        unsure = confidence < look.threshold
        self.assertNotEqual(unsure.all(), unsure.any())
        choice = {"budget": 0.5, "return_levels": True}
        frozen = FrozenNetwork(self.network, "grey")
        for answer in (
            self.network({"grey": images}, **choice)["grey"],
            self.network.predict({"grey": images}, verbose=0, **choice)["grey"],
            frozen(images, budget=0.5),
        ):
            self.assertAllEqual(answer["seen_twice"], unsure)
            expected = np.where(unsure[:, np.newaxis], second, first)
            self.assertAllClose(answer["logits"], expected, rtol=1e-4, atol=1e-4)
            levels = np.where(unsure[:, np.newaxis], look.second, look.first)
            self.assertAllEqual(answer["levels"], levels)
        with self.assertRaisesRegex(
            ValueError, "`policy` must be 'selector' where the network.*Received"
        ):
            self.network({"colour": self.images["colour"]}, budget=0.5)
        with self.assertRaisesRegex(ValueError, "`policy` must be 'selector' where `budget` is a"):
            frozen(images, tf.constant(0.5))
        with self.assertRaisesRegex(ValueError, "`policy` must be one of.*policy='blind'"):
            self.network.predict({"grey": images}, policy="blind", verbose=0)
        empty = self.network.predict({"grey": images[:0]}, verbose=0, **choice)["grey"]
        self.assertEqual(empty["logits"].shape, (0, 3))

    def test_predict_follows_budgets_and_calibrations_as_they_change(self):
        images, price = {"grey": self.images["grey"]}, self._high_price("grey")

        def check(budget, expected_price):
            choice = {"return_levels": True, "budget": budget, "policy": "selector"}
            arguments = choice | {"verbose": 0}
            outputs = self.network.predict(images, **arguments)["grey"]
            expected = self.network(images, **choice)["grey"]
            self.assertAllClose(outputs["logits"], expected["logits"], atol=1e-5)
            self.assertAllEqual(outputs["levels"], self._levels_at_price("grey", expected_price))
            # The graph stays while nothing changes.
            function = self.network.predict_function
            self.network.predict(images, **arguments)
            self.assertIs(self.network.predict_function, function)

        self.assertNotAllEqual(
            self._levels_at_price("grey", price), self._levels_at_price("grey", -price)
        )
        self.network.calibrations["grey"] = BudgetCalibration([0.2, 0.8], [price, -price])
        check(0.2, price)
        check(0.8, -price)
        self.network.calibrations = {"grey": BudgetCalibration([0.8], [price])}
        check(0.8, price)
        logits = self.network.predict(images, verbose=0)["grey"]
        self.assertAllClose(logits, self.network(images)["grey"], atol=1e-5)

    @parameterized.parameters(0, 2)
    def test_predict_takes_as_many_images_of_each_task_as_there_are(self, few):
        self.network.run_eagerly = True
        self.addCleanup(setattr, self.network, "run_eagerly", False)
        images = {"grey": self.images["grey"], "colour": self.images["colour"][:few]}
        lists = {task: of_task.tolist() for task, of_task in images.items()} if few else images
        outputs = self.network.predict(lists, return_levels=True, verbose=0)
        expected = self.network(images, return_levels=True)
        self.assertEqual(set(outputs), set(TASKS))
        for task, of_task in outputs.items():
            self.assertAllEqual(of_task["levels"], expected[task]["levels"])
            self.assertAllClose(of_task["logits"], expected[task]["logits"], atol=1e-5)

    @parameterized.parameters(
        (
            np.zeros((2, 8, 8, 1)),
            "`x` must be a dict from task name.* Received: (ndarray|TensorSpec)",
        ),
        ({}, "`x` must be a dict from task name.* Received: dict"),
        ({"blue": np.zeros((2, 8, 8, 1))}, "`task` must be one of .* Received: task=blue"),
        ({"grey": np.zeros((2, 8, 8))}, r"task 'grey' must have shape.*images.shape=\(2, 8, 8\)"),
    )
    def test_predict_says_what_it_takes(self, x, message):
        data = [x] if isinstance(x, dict) and not x else [x, tf.data.Dataset.from_tensors(x)]
        for given in data:
            with self.assertRaisesRegex(ValueError, message):
                self.network.predict(given, verbose=0)

    def test_predict_warns_of_scaled_images_and_refuses_weights_that_are_no_numbers(self):
        with self.assertWarnsRegex(UserWarning, "task 'grey' must have pixels in 0..255"):
            self.network.predict({"grey": self.images["grey"] / np.float32(255)}, verbose=0)
        bias = self.network.estimator.heads["grey"].linear.bias
        self.addCleanup(bias.assign, np.array(bias))
        bias.assign([0.0, np.nan, 0.0])
        with self.assertRaisesRegex(ValueError, "must be finite.*linear/bias with 1 of 3"):
            self.network.predict(self.images, verbose=0)

    def test_bad_calls_are_refused(self):
        grey = self.images["grey"]
        with self.assertRaisesRegex(ValueError, "`budget` must be None .* Received: budget=0.4"):
            self.network.select_levels(grey, "grey", budget=0.4)
        self.network.calibrations["grey"] = BudgetCalibration([0.5], [30.0])
        with self.assertRaisesRegex(ValueError, r"`budget` must be a number in \(0, 1\]"):
            self.network.predict({"grey": grey}, budget=0, verbose=0)
        with self.assertRaisesRegex(ValueError, "`inputs` must be a dict"):
            self.network(grey)
        with self.assertRaisesRegex(ValueError, "`task` must be one of .* Received: task=blue"):
            self.network({"blue": grey})

    def test_selector_is_in_the_total(self):
        table = self.network.cost_table("grey")
        with_selector = int(table.macs([[1, 1, 1]])[0])
        self.assertEqual(with_selector - table.full_macs, self.network.selector.macs("grey"))

    def test_defaults_are_those_of_its_settings(self):
        settings = NetworkSettings()
        network = ElasticNetwork({"a": TASKS["grey"]})
        arguments = settings.arguments()
        config = network.get_config()
        ratios = arguments.pop("ratios")
        self.assertEqual(network.dtype_policy.name, arguments.pop("dtype"))
        self.assertEqual({name: config[name] for name in arguments}, arguments)
        self.assertEqual(network.estimator.block_ratios, (ratios,) * network.num_blocks)


class SavingTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.get_temp_dir()

    @parameterized.parameters(ElasticNetwork, DeepElasticNetwork)
    def test_save_and_load_gives_the_same_numbers_and_prices(self, cls):
        network, images = randomise(cls(TASKS, backbone="wrn-8-1")), random_images("grey", 5)
        path = os.path.join(self.folder, "network.keras")
        network.save(path)
        loaded = keras.saving.load_model(path)
        self.assertEqual((loaded.calibrations, loaded.second_looks), ({}, {}))
        budgets, prices = [0.1, 1 / 3, 0.7], [np.pi * 1e3, 1 / 7, -1e-9]
        network.calibrations["grey"] = BudgetCalibration(budgets, prices)
        network.second_looks["grey"] = SecondLookCalibration([0.3, 1 / 3], LOOKS, [1 / 7, 0.5])
        network.save(path)
        loaded = keras.saving.load_model(path)
        self.assertEqual(list(loaded.calibrations), ["grey"])
        self.assertAllEqual(loaded.calibrations["grey"].budgets, budgets)
        self.assertAllEqual(loaded.calibrations["grey"].prices, prices)
        self.assertEqual(list(loaded.second_looks), ["grey"])
        self.assertEqual(loaded.second_looks["grey"].looks, LOOKS)
        self.assertAllEqual(loaded.second_looks["grey"].budgets, [0.3, 1 / 3])
        self.assertAllEqual(loaded.second_looks["grey"].accuracies, [1 / 7, 0.5])
        for choice in ({}, {"budget": 0.5}, {"budget": 0.5, "policy": "selector"}):
            self.assertAllEqual(
                loaded(images, task="grey", **choice), network(images, task="grey", **choice)
            )

    def test_weights_bring_their_calibrations(self):
        network, other = (ElasticNetwork(TASKS, backbone="wrn-8-1") for _ in range(2))
        path = os.path.join(self.folder, "network.weights.h5")
        network.calibrations["grey"] = BudgetCalibration([0.5], [1 / 3])
        network.save_weights(path)
        other.calibrations["colour"] = BudgetCalibration([0.5], [2.0])
        other.load_weights(path)
        self.assertEqual(list(other.calibrations), ["grey"])
        self.assertAllEqual(other.calibrations["grey"].prices, [1 / 3])
