"""Tests of second looks."""

import itertools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.costs.cost_table import CostTable
from elastic_tf.policies.second_look import SecondLook, best_second_look

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

    @parameterized.parameters(12, 20, 40, 60, 102, 500)
    def test_the_best_of_all_pairs_and_thresholds(self, max_macs):
        generator = np.random.default_rng(0)
        confidences = generator.random((len(MODELS), 50))
        # Dearer models are right more often, all of them where they are sure.
        skill = np.linspace(0.2, 0.7, len(MODELS))[:, np.newaxis]
        right = generator.random((len(MODELS), 50)) < skill + 0.3 * confidences
        look = best_second_look(MODELS, confidences, right, TABLE, max_macs)

        def measured(first, second, threshold):
            unsure = confidences[first] < threshold
            once, again = SecondLook(MODELS[first], MODELS[second], threshold).macs(TABLE)
            return (
                np.where(unsure, right[second], right[first]).sum(),
                once + again * unsure.mean(),
            )

        count, cost = measured(*map(MODELS.index, (look.first, look.second)), look.threshold)
        self.assertLessEqual(cost, max_macs)
        # Of every pair the largest threshold that the cost allows.
        best = -1
        for i, j in itertools.product(range(len(MODELS)), repeat=2):
            found = [measured(i, j, threshold) for threshold in sorted([*confidences[i], 2])]
            allowed = [right for right, its_cost in found if its_cost <= max_macs]
            best = max([best, *allowed[-1:]])
        self.assertEqual(count, best)

    def test_too_small_a_budget_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`max_macs` must allow the cheapest.*max_macs=11"):
            best_second_look(MODELS, np.zeros((6, 2)), np.zeros((6, 2), bool), TABLE, 11)
