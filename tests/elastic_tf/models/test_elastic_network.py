import os

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.policies.budget import BudgetCalibration
from tests.testing import TASKS, random_images, randomise


class ElasticNetworkTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        randomise(self.network)
        self.images = {task: random_images(task, 5) for task in TASKS}

    def test_a_dict_of_tasks_gives_a_dict_of_logits(self):
        logits = self.network(self.images)
        self.assertEqual({task: x.shape[1] for task, x in logits.items()}, {"grey": 3, "colour": 4})

    def test_logits_are_those_of_the_levels_returned(self):
        outputs = self.network(self.images, return_levels=True)["grey"]
        expected = self.network.estimator(
            self.images["grey"], levels=outputs["levels"], task="grey"
        )
        self.assertAllClose(outputs["logits"], expected, atol=1e-5)

    def test_levels_are_the_selectors_most_likely(self):
        logits = self.network.selector(self.images["grey"], task="grey").numpy()
        self.assertAllEqual(
            self.network.select_levels(self.images["grey"], "grey"), logits.argmax(-1)
        )

    def test_predict_returns_levels_on_request(self):
        logits = self.network.predict(self.images, verbose=0)
        outputs = self.network.predict(self.images, return_levels=True, verbose=0)
        self.assertAllClose(logits["grey"], outputs["grey"]["logits"], atol=1e-5)
        self.assertEqual(outputs["colour"]["levels"].shape, (5, 3))
        self.assertAllClose(self.network.predict(self.images, verbose=0)["grey"], logits["grey"])

    def _high_price(self, task):
        return 4 * float(np.ptp(self.network.selector(self.images[task], task=task)))

    def _levels_at_price(self, task, price):
        logits = self.network.selector(self.images[task], task=task).numpy()
        return (logits - price * self.network.cost_table(task).block_shares).argmax(-1)

    def test_a_budget_is_charged_at_each_tasks_price(self):
        prices = {"grey": self._high_price("grey"), "colour": -self._high_price("colour")}
        for task, price in prices.items():
            self.network.calibrations[task] = BudgetCalibration([0.5], [price])
        outputs = self.network(self.images, return_levels=True, budget=0.5)
        for task, price in prices.items():
            expected = self._levels_at_price(task, price)
            self.assertNotAllEqual(expected, self._levels_at_price(task, -price))
            self.assertAllEqual(outputs[task]["levels"], expected)
            levels = self.network.select_levels(self.images[task], task, budget=tf.constant(0.5))
            self.assertAllEqual(levels, expected)

    def test_predict_follows_budgets_and_calibrations_as_they_change(self):
        images, price = {"grey": self.images["grey"]}, self._high_price("grey")

        def check(budget, expected_price):
            outputs = self.network.predict(images, return_levels=True, budget=budget, verbose=0)
            expected = self._levels_at_price("grey", expected_price)
            self.assertAllEqual(outputs["grey"]["levels"], expected)

        self.assertNotAllEqual(
            self._levels_at_price("grey", price), self._levels_at_price("grey", -price)
        )
        self.network.calibrations["grey"] = BudgetCalibration([0.2, 0.8], [price, -price])
        check(0.2, price)
        check(0.8, -price)
        self.network.calibrations["grey"] = BudgetCalibration([0.8], [price])
        check(0.8, price)

    def test_predict_keeps_its_graph_while_the_budget_stays(self):
        self.network.calibrations["grey"] = BudgetCalibration([0.5], [30.0])
        images = {"grey": self.images["grey"]}
        for budget in (0.5, None):
            self.network.predict(images, budget=budget, verbose=0)
            function = self.network.predict_function
            self.network.predict(images, budget=budget, verbose=0)
            self.assertIs(self.network.predict_function, function)

    def test_a_budget_without_calibration_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`budget` must be None .* Received: budget=0.4"):
            self.network.select_levels(self.images["grey"], "grey", budget=0.4)

    def test_a_budget_out_of_range_is_refused(self):
        self.network.calibrations["grey"] = BudgetCalibration([0.5], [30.0])
        with self.assertRaisesRegex(ValueError, r"`budget` must be a number in \(0, 1\]"):
            self.network.predict({"grey": self.images["grey"]}, budget=0, verbose=0)

    def test_calibrations_are_not_saved_with_the_model(self):
        self.network.calibrations["grey"] = BudgetCalibration([0.5], [30.0])
        path = os.path.join(self.get_temp_dir(), "calibrated.keras")
        self.network.save(path)
        self.assertEqual(keras.saving.load_model(path).calibrations, {})

    def test_selector_is_in_the_total(self):
        table = self.network.cost_table("grey")
        with_selector = int(table.macs([[3, 3, 3]])[0])
        self.assertEqual(with_selector - table.full_macs, self.network.selector.macs("grey"))

    def test_save_and_load_gives_the_same_numbers(self):
        path = os.path.join(self.get_temp_dir(), "network.keras")
        self.network.save(path)
        loaded = keras.saving.load_model(path)
        self.assertAllEqual(
            loaded.predict(self.images, verbose=0)["colour"],
            self.network.predict(self.images, verbose=0)["colour"],
        )

    def test_images_without_a_task_are_refused(self):
        with self.assertRaisesRegex(ValueError, "`inputs` must be a dict"):
            self.network(self.images["grey"])

    def test_an_unknown_task_is_named(self):
        with self.assertRaisesRegex(ValueError, "`task` must be one of .* Received: task=blue"):
            self.network({"blue": self.images["grey"]})


if __name__ == "__main__":
    tf.test.main()
