"""Tests of budgets."""

import functools
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.costs.cost_table import CostTable
from elastic_tf.evaluation import budgets
from elastic_tf.evaluation.budgets import (
    calibrate,
    calibrate_network,
    settle_target,
    target_prices,
)
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.policies.budget import priced_greedy
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.settings import MethodSettings
from tests.elastic_tf.evaluation.small_answers import (
    answers_by_split,
    random_split,
    selector_logits,
)
from tests.testing import TASKS, randomise

BLOCK_MACS = np.array([[0, 20, 45, 100], [10, 30, 70, 150], [0, 5, 11, 40]])
# The full model spends 10 + 290 = 300, the selector 15.
TABLE = CostTable(10, BLOCK_MACS, BLOCK_MACS + 1, selector_macs=15)
CHEAPEST = 35 / 300
# The same for every image: level 2 wins below a price of 2, level 0 above 4.
BLIND_TABLE = CostTable(0, [[2, 4, 8]], [[1, 2, 3]])
BLIND_LOGITS = np.tile([[[0.0, 1.0, 2.0]]], (50, 1, 1))


def random_logits(images=500, spread=3.0):
    return np.random.default_rng(0).normal(0, spread, (images, 3, 4)).astype(np.float32)


def mean_share(logits, price, table=TABLE):
    levels = priced_greedy(logits, table.block_shares, price).numpy()
    macs = table.block_macs[np.arange(table.num_blocks), levels].sum(axis=1)
    return (macs.mean() + table.fixed_macs + table.selector_macs) / table.full_macs


class CalibrateTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(0.01, 1.0, 40.0)
    def test_every_point_of_the_grid_is_met(self, spread):
        logits = random_logits(spread=spread)
        calibration = calibrate(logits, TABLE)
        actual = [mean_share(logits, price) for price in calibration.prices]
        # One image of 500 that changes one block by 120 MACs moves the mean by 0.0008.
        self.assertAllClose(actual, calibration.budgets, atol=0.0008)

    def test_the_grid_is_even_from_the_cheapest_to_1(self):
        calibration = calibrate(random_logits(), TABLE, points=6)
        self.assertAllClose(calibration.budgets, np.linspace(CHEAPEST, 1, 6))

    def test_more_budget_never_lowers_the_mean_and_meets_it_between_points(self):
        logits = random_logits()
        calibration = calibrate(logits, TABLE)
        budgets = np.linspace(0.02, 1, 300)
        price = tf.function(calibration.price)
        means = [mean_share(logits, price(tf.constant(budget))) for budget in budgets]
        self.assertAllGreaterEqual(np.diff(means), 0)
        # The spacing of the grid is 0.0088.
        self.assertAllClose(means, np.clip(budgets, CHEAPEST, 1), atol=0.0088)

    def test_a_budget_of_1_is_not_exceeded_and_the_ends_hold_for_larger_gaps(self):
        few = random_logits(images=3)
        self.assertBetween(mean_share(few, calibrate(few, TABLE).price(1.0)), 0.8, 1.0)
        calibration = calibrate(random_logits(), TABLE)
        wider = 1.5 * random_logits()
        self.assertAllClose(mean_share(wider, calibration.price(0.01)), CHEAPEST)

    def test_a_selector_blind_to_the_image_gets_the_nearest_mean(self):
        calibration = calibrate(BLIND_LOGITS, BLIND_TABLE, points=7)
        means = [mean_share(BLIND_LOGITS, price, BLIND_TABLE) for price in calibration.prices]
        self.assertAllEqual(calibration.budgets, [0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1])
        self.assertAllEqual(means, [0.25, 0.25, 0.5, 0.5, 0.5, 1, 1])
        self.assertAllClose(calibration.price(0.5), 3.0)  # The middle of its step.
        # The changes are at 2 and 4: beyond, by 1 and as much as they are apart.
        self.assertAllClose(calibration.prices[[0, -1]], [7.0, -1.0])

    def test_levels_that_cost_the_same_are_left_to_the_logits(self):
        table = CostTable(0, [[2, 2, 4], [1, 1, 1]], np.ones((2, 3)))
        logits = random_logits()[:, :2, :3]
        calibration = calibrate(logits, table)
        cheap = priced_greedy(logits, table.block_shares, calibration.price(0.01)).numpy()
        self.assertAllEqual(cheap[:, 0], logits[:, 0, :2].argmax(-1))
        self.assertAllEqual(cheap[:, 1], logits[:, 1].argmax(-1))
        means = [mean_share(logits, price, table) for price in calibration.prices]
        self.assertAllClose(means, calibration.budgets, atol=0.0008)

    def test_without_any_choice_there_is_one_point(self):
        table = CostTable(5, [[2, 2], [3, 3]], np.ones((2, 2)))
        calibration = calibrate(np.zeros((4, 2, 2)), table)
        self.assertAllClose(calibration.budgets, [1.0])
        self.assertAllEqual(calibration.prices, [0.0])

    def test_where_even_the_cheapest_is_above_1_all_budgets_get_it(self):
        table = CostTable(10, BLOCK_MACS, BLOCK_MACS + 1, selector_macs=400)
        logits = random_logits()
        calibration = calibrate(logits, table)
        self.assertAllClose(calibration.budgets, [420 / 300])
        self.assertAllClose(mean_share(logits, calibration.price(0.5), table), 420 / 300)

    @parameterized.parameters(
        ({"logits": np.zeros((0, 3, 4))}, "`logits` must be of shape"),
        ({"logits": np.zeros((5, 3, 3))}, r"`logits` must be of shape \(images, 3, 4\)"),
        ({"logits": np.full((5, 3, 4), np.nan)}, "`logits` must be finite"),
        ({"points": 1}, "`points` must be an integer >= 2. Received: points=1"),
        ({"points": 2.5}, "`points` must be an integer >= 2"),
    )
    def test_arguments_that_are_not_usable_are_refused(self, arguments, fault):
        with self.assertRaisesRegex(ValueError, fault):
            calibrate(**{"logits": random_logits(4), "table": TABLE} | arguments)


def planted(seed, cost):
    """Returns logits of 400 images, and a table of two blocks of that cost."""
    logits = np.random.default_rng(seed).normal(size=(400, 2, 3)).astype(np.float32)
    table = CostTable(10, [[0, cost, 2 * cost]] * 2, [[0, 4, 8]] * 2, selector_macs=5)
    return logits, table


class TargetPricesTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        parts = {"a": planted(0, 40), "b": planted(1, 70)}
        self.logits = {task: part[0] for task, part in parts.items()}
        self.tables = {task: part[1] for task, part in parts.items()}

    def _shares(self, prices):
        return [mean_share(self.logits[task], prices[task], self.tables[task]) for task in prices]

    def test_every_task_meets_its_target(self):
        targets = {"a": 0.3, "b": 0.8}
        prices = target_prices(self.logits, self.tables, targets)
        self.assertAllClose(self._shares(prices), [0.3, 0.8], atol=2e-3)
        self.assertEqual(set(target_prices(self.logits, self.tables, {"b": 0.5})), {"b"})

    def test_the_mean_of_all_tasks_meets_theirs(self):
        prices = target_prices(self.logits, self.tables, {"a": 0.4, "b": 0.4}, "all")
        self.assertEqual(prices["a"], prices["b"])
        shares = self._shares(prices)
        self.assertAllClose(np.mean(shares), 0.4, atol=2e-3)
        self.assertGreater(abs(shares[0] - shares[1]), 5e-3)

    @parameterized.parameters((0.001, 15 / 170), (1.0, 1.0))
    def test_what_cannot_be_reached_comes_as_near_as_it_can(self, target, expected):
        prices = target_prices(self.logits, self.tables, {"a": target})
        self.assertAllClose(self._shares(prices), [expected], atol=0.01)

    def test_a_jump_ends_on_its_nearer_side(self):
        # All images alike: the mean is 15, 55 or more of 170.
        logits = {"a": np.tile(np.float32([[[0, 1, 1.5]] * 2]), (9, 1, 1))}
        for target, expected in ((0.2, 15 / 170), (0.4, 95 / 170)):
            prices = target_prices(logits, self.tables, {"a": target})
            found = mean_share(logits["a"], prices["a"], self.tables["a"])
            self.assertAllClose(found, expected)


class CalibrateNetworkTest(tf.test.TestCase):
    def test_few_validation_images_are_joined_by_those_of_training(self):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)
        randomise(network)
        images = {"validation": 9, "train": 20}
        answers = answers_by_split(network, **images)
        logits = [
            selector_logits(network, random_split(images, "grey", split)[0][0]) for split in images
        ]
        for enough, expected in ((2000, np.concatenate(logits)), (9, logits[0])):
            with mock.patch.object(budgets, "_ENOUGH_IMAGES", enough):
                calibrate_network(answers, ["grey"])
            found = network.calibrations.pop("grey")
            self.assertEmpty(network.calibrations)  # Of the other task.
            expected = calibrate(expected, network.cost_table("grey"))
            self.assertAllClose(found.budgets, expected.budgets)
            # The frozen selector's logits differ in the last bits.
            self.assertAllClose(found.prices, expected.prices, rtol=0.02, atol=0.2)


class SettleTargetTest(tf.test.TestCase, parameterized.TestCase):
    def _network(self, features="confident", **method):
        network = DeepElasticNetwork(
            TASKS, backbone="wrn-8-1", trunk_size=4, selector_features=features
        )
        randomise(network.selector)
        network.compile(method=MethodSettings(**method))
        return network

    def test_every_task_meets_its_target(self):
        targets = {"grey": 0.6, "colour": 0.85}
        network = self._network(target_macs=targets)
        images = {"validation": 100, "train": 300}
        batches_of = functools.partial(random_split, images)
        prices = settle_target(network, batches_of)
        self.assertEqual(set(prices), set(targets))
        for task, target in targets.items():
            levels = [
                network.select_levels(batches_of(task, split)[0][0], task) for split in images
            ]
            shares = network.cost_table(task).macs_share(np.concatenate(levels))
            self.assertAllClose(np.mean(shares), target, atol=0.01)
            self.assertGreater(abs(prices[task]), 1.0)

    @parameterized.parameters(
        {"target_macs": None}, {"target_macs": {"birds": 0.5}}, {"features": "pooled"}
    )
    def test_without_what_it_needs_nothing_changes(self, **settings):
        network = self._network(**{"target_macs": 0.5} | settings)
        before = [np.array(weight) for weight in network.selector.weights]
        self.assertEmpty(settle_target(network, None))
        for old, new in zip(before, network.selector.weights, strict=True):
            self.assertAllEqual(old, new)


@pytest.mark.slow
class TrunkBudgetsTest(tf.test.TestCase, parameterized.TestCase):
    """Budgets of a selector in the trunk, whose scores change with the price."""

    IMAGES = {"validation": 60, "train": 140}

    def _network(self, **method):
        network = DeepElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4, selector_kind="trunk")
        randomise(network)
        network.compile(method=MethodSettings(**method))
        return network

    def _share(self, network, task, budget=None):
        levels = [
            network.select_levels(random_split(self.IMAGES, task, split)[0][0], task, budget)
            for split in self.IMAGES
        ]
        return np.mean(network.cost_table(task).macs_share(np.concatenate(levels)))

    def test_budgets_are_what_the_images_cost_at_their_prices(self):
        network = self._network()
        calibrate_network(answers_by_split(network, **self.IMAGES), ["grey"])
        found = network.calibrations["grey"]
        self.assertBetween(len(found.budgets), 5, 15)
        for budget in found.budgets[1:-1]:
            self.assertAllClose(self._share(network, "grey", budget), budget, atol=0.01)

    @parameterized.parameters("task", "all")
    def test_targets_are_met(self, scope):
        targets = {"grey": 0.4, "colour": 0.6}
        target_macs = targets if scope == "task" else 0.5
        network = self._network(target_macs=target_macs, target_scope=scope)
        prices = settle_target(network, functools.partial(random_split, self.IMAGES))
        shares = [self._share(network, task) for task in TASKS]
        if scope == "all":
            self.assertEqual(prices["grey"], prices["colour"])
            shares, targets = [np.mean(shares)], {"all": 0.5}
        self.assertAllClose(shares, list(targets.values()), atol=0.05)
