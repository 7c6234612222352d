"""Tests of levels at a price."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.policies.budget import BudgetCalibration, levels_at_budget, priced_greedy
from tests import testing

SHARES = np.array([[0.0, 0.1, 0.3], [0.05, 0.2, 0.6]])
# Of the first block, level 2 loses to level 1 at a price of 5, that to level 0 at 20; of the
# second, level 2 to level 0 at 2, with level 1 never the best.
LOGITS = np.array([[[0.0, 2.0, 3.0], [1.0, 0.0, 2.1]]], np.float32)


def close_logits(images=100):
    """Returns logits and shares such that many levels are worth almost the same at some price."""
    generator = np.random.default_rng(0)
    shares = np.sort(generator.random((3, 4)), axis=1)
    slopes = generator.normal(0, 30, (images, 3, 1))
    noise = generator.choice([0, 1e-7, -1e-7], (images, 3, 4))
    return (50 + (slopes + 100 * noise) * shares).astype(np.float32), shares, slopes


class PricedGreedyTest(testing.TestCase):
    @parameterized.parameters(
        (-100, [2, 2]), (0, [2, 2]), (1.9, [2, 2]), (2.1, [2, 0]), (5.1, [1, 0]), (21, [0, 0])
    )
    def test_levels_are_those_worked_out_by_hand(self, price, expected):
        levels = priced_greedy(LOGITS, SHARES, price)
        self.assertAllEqual(levels, [expected])
        self.assertEqual(levels.dtype, tf.int32)

    def test_no_price_is_the_most_likely_level(self):
        logits = np.random.default_rng(0).normal(size=(50, 2, 3)).astype(np.float32)
        self.assertAllEqual(priced_greedy(logits, SHARES, 0.0), logits.argmax(-1))

    def test_no_block_gets_dearer_with_the_price_however_close_the_levels(self):
        logits, shares, slopes = close_logits()
        choose = tf.function(lambda price: priced_greedy(logits, shares, price))
        # The prices next to those at which the levels of an image are worth the same.
        for price in np.unique(slopes[:10].astype(np.float32)):
            prices = [price]
            for _ in range(4):
                prices = [np.nextafter(prices[0], -np.inf, dtype=np.float32), *prices]
                prices.append(np.nextafter(prices[-1], np.inf, dtype=np.float32))
            levels = [choose(tf.constant(each)).numpy() for each in prices]
            spent = [shares[np.arange(len(shares)), each] for each in levels]
            self.assertAllLessEqual(np.diff(spent, axis=0), 0)

    def test_equal_logits_go_to_the_cheapest_at_any_price_above_0(self):
        logits = np.full((1, 2, 3), 7.0, np.float32)
        self.assertAllEqual(priced_greedy(logits, SHARES, 1e-3), [[0, 0]])
        self.assertAllEqual(priced_greedy(logits, SHARES, -1e-3), [[2, 2]])


class LevelsAtBudgetTest(testing.TestCase):
    def test_a_budget_has_its_price_and_none_has_none(self):
        calibration = BudgetCalibration([0.2, 0.4], [21.0, 5.1])
        for budget, expected in ((0.2, [0, 0]), (0.4, [1, 0]), (None, [2, 2])):
            levels = levels_at_budget(LOGITS, SHARES, budget, calibration)
            self.assertAllEqual(levels, [expected])

    def test_a_budget_without_calibration_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`budget` must be None .* Received: budget=0.3"):
            levels_at_budget(LOGITS, SHARES, 0.3)


class BudgetCalibrationTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.calibration = BudgetCalibration([0.1, 0.3, 0.8], [20.0, 4.0, -6.0])

    def test_prices_lie_on_the_line_between_points_and_stay_beyond(self):
        price = tf.function(self.calibration.price)
        budgets = np.linspace(0.05, 1, 20).astype(np.float32)
        expected = np.interp(budgets, [0.1, 0.3, 0.8], [20, 4, -6])
        self.assertAllClose([price(tf.constant(budget)) for budget in budgets], expected)
        self.assertEqual(price.experimental_get_tracing_count(), 1)
        for budget, of in ((0.1, 20), (0.2, 12), (0.8, -6), (0.01, 20), (1, -6)):
            self.assertAllClose(self.calibration.price(budget), of)
        self.assertAllEqual(BudgetCalibration([0.3], [2.5]).price(0.1), 2.5)

    def test_prices_never_rise_with_the_budget(self):
        generator = np.random.default_rng(0)
        points = np.sort(generator.random(30))
        calibration = BudgetCalibration(points, -np.sort(generator.normal(0, 1e3, 30)))
        around = [np.nextafter(points, side) for side in (0.0, 1.0)]
        budgets = np.sort(np.concatenate([points, *around, generator.random(300)]))
        price = tf.function(calibration.price)
        prices = [price(tf.constant(budget)).numpy() for budget in budgets]
        self.assertAllLessEqual(np.diff(prices), 0)

    def test_budgets_between_the_ends_are_within_reach(self):
        reached = [self.calibration.reaches(budget) for budget in (0.05, 0.1, 0.5, 0.8, 0.9)]
        self.assertEqual(reached, [False, True, True, True, False])

    @parameterized.parameters(0, -0.1, 1.01, float("nan"), "0.4", True, ([0.4],), 40)
    def test_what_is_no_share_is_refused(self, budget):
        with self.assertRaisesRegex(ValueError, r"`budget` must be a number in \(0, 1\]. Received"):
            self.calibration.price(budget)

    def test_a_tensor_of_several_budgets_is_refused(self):
        with self.assertRaisesRegex(ValueError, r"a scalar tensor. Received: shape \(2,\)"):
            self.calibration.price(tf.constant([0.2, 0.4]))

    @parameterized.parameters(
        ([], [], "`budgets` must be a sequence"),
        ([0.1, float("inf")], [1.0, 0.0], "`budgets` must be a sequence"),
        ("much", [1.0], "`budgets` must be a sequence"),
        ([0.1, 0.2], [1.0, None], "`prices` must be a sequence"),
        ([0.1, 0.2], [1.0], "must be of the same length. Received: 2 and 1"),
        ([0.2, 0.2], [1.0, 0.0], "`budgets` must be increasing and > 0"),
        ([0.0, 0.2], [1.0, 0.0], "`budgets` must be increasing and > 0"),
        ([0.1, 0.2], [0.0, 1.0], "`prices` must not increase"),
    )
    def test_points_that_are_no_calibration_are_refused(self, budgets, prices, fault):
        with self.assertRaisesRegex(ValueError, fault):
            BudgetCalibration(budgets, prices)
