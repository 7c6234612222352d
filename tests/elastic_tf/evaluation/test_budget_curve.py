"""Tests of what a network comes to along budgets."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.budget_curve import (
    VALIDATION_BUDGETS,
    budget_curve,
    largest_miss,
    validation_figures,
)
from elastic_tf.policies.budget import BudgetCalibration
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.stages import StageSchedule
from tests.elastic_tf.evaluation.small_answers import (
    accuracy,
    answers_by_split,
    macs_share,
    selector_logits,
    small_answers,
    small_network,
)
from tests.testing import TASKS


class BudgetCurveTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.curve = budget_curve(small_answers(), (0.01, 0.5, 0.75, 1.0))
        cls.logits = selector_logits(small_network())

    def _check(self, point, levels, with_selector):
        self.assertAllClose(point["accuracy"], accuracy(levels))
        self.assertAllClose(point["macs_share"], macs_share(levels, with_selector))

    def test_every_budget_is_measured_at_its_price(self):
        calibration = small_network().calibrations["grey"]
        self.assertEqual([point["budget"] for point in self.curve["budgets"]], [0.01, 0.5, 0.75, 1])
        for point in self.curve["budgets"]:
            price = np.interp(point["budget"], calibration.budgets, calibration.prices)
            worth = self.logits - np.float32(price) * small_answers().table.block_shares
            self.assertAllClose(point["price"], price)
            self._check(point, worth.argmax(-1), with_selector=True)

    def test_what_is_below_the_cheapest_is_out_of_reach(self):
        reachable = [point["is_reachable"] for point in self.curve["budgets"]]
        self.assertEqual(reachable, [False, True, True, True])

    def test_the_selectors_own_choice_and_every_level_are_beside_them(self):
        self.assertEqual(self.curve["num_images"], 24)
        self._check(self.curve["selector"], self.logits.argmax(-1), with_selector=True)
        self.assertLen(self.curve["levels"], 4)
        for level, point in enumerate(self.curve["levels"]):
            self._check(point, np.full((24, 3), level), with_selector=False)

    @parameterized.parameters((True, True, 0.2), (True, False, 0.1), (False, False, None))
    def test_only_what_is_within_reach_is_missed(self, first, second, expected):
        curve = {
            "budgets": [
                {"budget": 0.5, "macs_share": 0.4, "is_reachable": first},
                {"budget": 0.7, "macs_share": 0.9, "is_reachable": second},
            ]
        }
        miss = largest_miss(curve)
        self.assertEqual(miss if miss is None else round(miss, 6), expected)


class ValidationFiguresTest(tf.test.TestCase):
    def test_budgets_are_measured_at_the_end(self):
        network = DeepElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)
        network.compile(stages=StageSchedule(2, rounds=2, selector_steps=2, estimator_steps=5))
        network.calibrations = {task: BudgetCalibration([0.5], [0.0]) for task in TASKS}
        answers = answers_by_split(network, validation=4)
        for step, is_whole, is_trained in ((3, False, False), (4, False, True), (11, True, True)):
            network.step.assign(step)
            found = validation_figures(answers, ["colour"])
            curve = budget_curve(
                answers.on("colour", "validation"), VALIDATION_BUDGETS if is_whole else ()
            )
            self.assertEqual(found["tasks"], {"colour": curve})
            self.assertEqual(found["step"], step)
            self.assertIs(found["is_whole_training"], is_whole)
            self.assertIs(found["is_selector_trained"], is_trained)
