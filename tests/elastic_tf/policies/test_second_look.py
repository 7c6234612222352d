"""Tests of second looks."""

import itertools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.costs.cost_table import CostTable
from elastic_tf.policies.second_look import (
    SecondLook,
    SecondLookCalibration,
    best_second_looks,
    look_at_budget,
)

MACS = np.array([[0, 10, 30], [0, 20, 50], [5, 10, 15]])
TABLE = CostTable(7, MACS, MACS, selector_macs=1000, head_macs=3)
MODELS = [(0, 0, 0), (0, 0, 2), (0, 1, 0), (1, 1, 1), (1, 2, 1), (2, 2, 2)]


class SecondLookTest(tf.test.TestCase, parameterized.TestCase):
    # By hand: stem and head 7, of which the head 3; then the blocks.
    @parameterized.parameters(
        ((0, 0, 0), (2, 2, 2), 0, 7 + 5, 30 + 50 + 15 + 3),
        ((1, 1, 0), (1, 2, 0), 1, 7 + 35, 50 + 5 + 3),
        ((1, 1, 0), (1, 1, 2), 2, 7 + 35, 15 + 3),
        ((1, 1, 0), (1, 1, 0), 3, 7 + 35, 3),
    )
    def test_what_is_kept_and_what_it_costs(self, first, second, kept, once, again):
        look = SecondLook(first, second, 0.5)
        self.assertEqual(look.num_kept, kept)
        self.assertEqual(look.macs(TABLE), (once, again))

    def test_models_of_other_numbers_of_blocks_are_refused(self):
        with self.assertRaisesRegex(ValueError, r"`first` and `second` must.*first=\(0, 1\)"):
            SecondLook([0, 1], [0], 0.5)

    @parameterized.parameters(0, -1.0)
    def test_a_temperature_not_above_0_is_refused(self, temperature):
        with self.assertRaisesRegex(ValueError, "`temperature` must be above 0. Received"):
            SecondLook([0], [1], 0.5, temperature)

    def test_the_best_of_all_pairs_and_thresholds_at_every_cost(self):
        generator = np.random.default_rng(0)
        confidences = generator.random((len(MODELS), 50))
        # Dearer models are right more often, all of them where they are sure.
        skill = np.linspace(0.2, 0.7, len(MODELS))[:, np.newaxis]
        right = generator.random((len(MODELS), 50)) < skill + 0.3 * confidences
        costs = [12, 20, 40, 60, 102, 500]
        temperatures = generator.random(len(MODELS)) + 0.5
        looks, means = best_second_looks(MODELS, temperatures, confidences, right, TABLE, costs)

        def measured(first, second, threshold):
            unsure = confidences[first] < threshold
            once, again = SecondLook(MODELS[first], MODELS[second], threshold).macs(TABLE)
            return (
                np.where(unsure, right[second], right[first]).sum(),
                once + again * unsure.mean(),
            )

        every = [
            measured(i, j, threshold)
            for i, j in itertools.product(range(len(MODELS)), repeat=2)
            for threshold in (*confidences[i], 2)
        ]
        for look, mean, max_macs in zip(looks, means, costs, strict=True):
            pair = map(MODELS.index, (look.first, look.second))
            its_count, cost = measured(*pair, look.threshold)
            self.assertAllClose(its_count / 50, mean)
            self.assertEqual(look.temperature, temperatures[MODELS.index(look.first)])
            self.assertLessEqual(cost, max_macs)
            self.assertEqual(its_count, max(right for right, cost in every if cost <= max_macs))

    def test_a_dearer_model_that_is_no_better_is_not_asked(self):
        right = np.array([[True, False], [True, False]])
        (look,), _ = best_second_looks(
            MODELS[:2], [1, 1], np.full((2, 2), 0.5), right, TABLE, [500]
        )
        self.assertEqual(look.threshold, 0)

    def test_too_small_a_budget_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`max_macs` must allow the cheapest.*max_macs=11"):
            best_second_looks(MODELS, [1] * 6, np.zeros((6, 2)), np.zeros((6, 2)), TABLE, [11, 99])


class SecondLookCalibrationTest(tf.test.TestCase, parameterized.TestCase):
    LOOKS = [SecondLook((0, 1), (1, 1), 0.25, 1.5), SecondLook((1, 1), (2, 2), 0.5)]

    @parameterized.parameters((0.1, 0), (0.3, 0), (0.59, 0), (0.6, 1), (1.0, 1))
    def test_a_budget_has_the_look_of_the_nearest_not_above(self, budget, expected):
        calibration = SecondLookCalibration([0.3, 0.6], self.LOOKS, [0.5, 0.75])
        self.assertEqual(calibration.look(budget), self.LOOKS[expected])
        self.assertEqual(calibration.reaches(budget), budget >= 0.3)

    def test_arrays_hold_all_of_it(self):
        calibration = SecondLookCalibration([0.3, 0.6], self.LOOKS, [0.5, 0.75])
        again = SecondLookCalibration.from_arrays(*calibration.as_arrays())
        self.assertEqual(again.looks, self.LOOKS)
        self.assertAllEqual(again.budgets, [0.3, 0.6])
        self.assertAllEqual(again.accuracies, [0.5, 0.75])

    @parameterized.parameters(
        ([0.6, 0.3], 2, "`budgets` must be increasing"),
        ([0.0, 0.3], 2, "`budgets` must be increasing and > 0"),
        ([0.3], 2, "`budgets`, `looks` and `accuracies` must be of.*Received: 1, 2, 2"),
        ([], 0, "at least one"),
    )
    def test_bad_arguments_are_refused(self, budgets, count, message):
        with self.assertRaisesRegex(ValueError, message):
            SecondLookCalibration(budgets, self.LOOKS[:count], [0.5, 0.75][:count])

    @parameterized.parameters((None, "`budget` must be a number"), (1.5, "`budget` must be"))
    def test_a_budget_that_is_none_is_refused(self, budget, message):
        with self.assertRaisesRegex(ValueError, message):
            look_at_budget(budget, SecondLookCalibration([0.3, 0.6], self.LOOKS, [0.5, 0.75]))

    def test_without_a_calibration_there_is_no_second_look(self):
        with self.assertRaisesRegex(ValueError, "`policy` must be 'selector' where.*Received"):
            look_at_budget(0.5)
