import copy

import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.tuning.objectives import Objective

LEVELS = [
    {"accuracy": 0.2, "macs_share": 0.1},
    {"accuracy": 0.6, "macs_share": 0.3},
    {"accuracy": 0.8, "macs_share": 1.0},
]
FIGURES = {
    "step": 9,
    "is_whole_training": True,
    "is_selector_trained": True,
    "tasks": {
        "birds": {
            "selector": {"accuracy": 0.7, "macs_share": 0.4},
            "levels": LEVELS,
            "budgets": [{"accuracy": 0.75, "macs_share": 0.5}],
        },
        "fish": {
            "selector": {"accuracy": 0.9, "macs_share": 0.2},
            "levels": [{"accuracy": 0.9, "macs_share": 0.5}],
            "budgets": [],
        },
    },
}


def _untrained():
    figures = copy.deepcopy(FIGURES)
    figures["is_selector_trained"] = figures["is_whole_training"] = False
    return figures


class ObjectiveTest(tf.test.TestCase, parameterized.TestCase):
    def test_accuracy_is_the_mean_over_tasks_within_the_budget(self):
        measured = Objective("accuracy", budget=0.3).measure(FIGURES)
        self.assertAllClose(measured["score"], 0.8)
        self.assertAllClose(measured["accuracy"], 0.8)
        self.assertAllClose(measured["macs_share"], 0.3)

    @parameterized.parameters((0.29, 0.02, 0.8), (0.29, 0.0, -0.01), (0.1, 0.0, -0.2))
    def test_above_the_budget_the_excess_counts(self, budget, tolerance, score):
        objective = Objective("accuracy", budget, budget_tolerance=tolerance)
        self.assertAllClose(objective.measure(FIGURES)["score"], score)
        self.assertEqual(objective.is_feasible(0.3), score > 0)

    def test_scalar_subtracts_the_weighted_macs(self):
        objective = Objective("accuracy_minus_macs", macs_weight=0.5)
        self.assertAllClose(objective.measure(FIGURES)["score"], 0.8 - 0.5 * 0.3)

    def test_hypervolume_is_that_of_all_that_is_offered(self):
        # Birds, by hand: 0.2 from 0.1, 0.6 from 0.3, 0.7 from 0.4, 0.75 from 0.5 to 1.
        birds = 0.2 * 0.2 + 0.1 * 0.6 + 0.1 * 0.7 + 0.5 * 0.75
        measured = Objective("hypervolume").measure(FIGURES)
        self.assertAllClose(measured["score"], (birds + 0.8 * 0.9) / 2)
        self.assertAllClose(measured["hypervolume"], measured["score"])

    def test_before_the_selector_has_learned_a_mixture_of_levels_counts(self):
        measured = Objective("accuracy", budget=0.65).measure(_untrained())
        self.assertAllClose(measured["accuracy"], ((0.6 + 0.8) / 2 + 0.9) / 2)
        self.assertAllClose(measured["macs_share"], 0.65)

    def test_before_the_selector_has_learned_a_budget_can_be_too_low(self):
        measured = Objective("accuracy", budget=0.25).measure(_untrained())
        # Birds can be had for 0.25, fish for no less than 0.5.
        self.assertAllClose(measured["macs_share"], 0.375)
        self.assertAllClose(measured["score"], 0.25 - 0.375)

    def test_before_the_selector_has_learned_the_best_level_counts(self):
        objective = Objective("accuracy_minus_macs", macs_weight=0.5)
        self.assertAllClose(objective.measure(_untrained())["score"], (0.45 + 0.65) / 2)
        objective = Objective("hypervolume")
        birds = 0.2 * 0.2 + 0.7 * 0.6
        self.assertAllClose(objective.measure(_untrained())["score"], (birds + 0.5 * 0.9) / 2)

    @parameterized.parameters(
        ({"name": "speed"}, "`objective` must be of"),
        ({"name": "accuracy"}, "`budget` must be in .0, 1.*Received: budget=None"),
        ({"name": "accuracy", "budget": 1.5}, "Received: budget=1.5"),
        ({"name": "hypervolume", "budget": 0.5}, "`budget` must be left out"),
    )
    def test_refuses(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            Objective(**arguments)
