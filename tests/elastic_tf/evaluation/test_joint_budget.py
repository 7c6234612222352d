"""Tests of one budget over several tasks."""

import itertools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.answers import AnswersBySplit
from elastic_tf.evaluation.budgets import calibrate_network
from elastic_tf.evaluation.fixed_front import accuracy_at
from elastic_tf.evaluation.joint_budget import JointBudgets, share_out
from elastic_tf.evaluation.second_looks import calibrate_second_looks
from elastic_tf.models.elastic_network import ElasticNetwork
from tests.elastic_tf.evaluation.small_answers import random_split
from tests.testing import TASKS, randomise

CURVES = {
    "easy": [(0.1, 0.9), (0.5, 0.92), (1.0, 0.93)],
    "hard": [(0.2, 0.3), (0.4, 0.35), (0.6, 0.6), (1.0, 0.8)],
}


class ShareOutTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (0.3, {"easy": 0.1, "hard": 0.5}),  # The hard one is steeper throughout.
        (0.55, {"easy": 0.1, "hard": 1.0}),
        (0.7, {"easy": 0.4, "hard": 1.0}),
        (0.05, {"easy": 0.1, "hard": 0.2}),
        (1.0, {"easy": 1.0, "hard": 1.0}),
    )
    def test_it_goes_where_it_brings_most(self, budget, expected):
        self.assertAllClose(share_out(CURVES, budget), expected)

    @parameterized.parameters(0.2, 0.35, 0.5, 0.77)
    def test_no_other_way_to_share_it_is_better(self, budget):
        generator = np.random.default_rng(0)
        curves = {
            task: list(zip(np.sort(generator.random(6)), generator.random(6), strict=True))
            for task in ("a", "b")
        }
        found = share_out(curves, budget)
        self.assertAllClose(np.mean(list(found.values())), budget, atol=0.2)
        total = np.sum(list(found.values()))

        def accuracy(costs):
            return sum(accuracy_at(curves[task], cost) for task, cost in costs.items())

        others = [accuracy({"a": cost, "b": total - cost}) for cost in np.linspace(0, 1, 501)]
        self.assertGreaterEqual(accuracy(found), max(others) - 1e-9)


class JointBudgetsTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = randomise(ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4))
        images = {"train": 10, "validation": 30, "test": 40}
        cls.answers = AnswersBySplit(
            cls.network, lambda task, split: random_split(images, task, split)
        )
        calibrate_network(cls.answers)
        calibrate_second_looks(cls.answers, 64)
        cls.found = JointBudgets(cls.answers, 64).measure(0.5)

    def test_a_second_look_is_that_of_each_tasks_share(self):
        looks, found = self.network.second_looks, self.found["second_look"]
        curves = {
            task: list(zip(of.budgets, of.accuracies, strict=True)) for task, of in looks.items()
        }
        for task, share in share_out(curves, 0.5).items():
            right, seen_twice = self.answers.on(task, "test").look_twice(looks[task].look(share))
            self.assertAllClose(found["tasks"][task]["accuracy"], right.mean())
            table = self.network.cost_table(task)
            first, again = looks[task].look(share).macs(table)
            macs_share = (first + again * seen_twice.mean()) / table.full_macs
            self.assertAllClose(found["tasks"][task]["macs_share"], macs_share)

    def test_the_selector_has_one_price_for_all(self):
        prices = []
        for task, of in self.found["selector"]["tasks"].items():
            answers, table = self.answers.on(task, "test"), self.network.cost_table(task)
            calibration = self.network.calibrations[task]
            # The price of a budget within a point of what is measured.
            at = {
                price: np.mean(
                    table.macs_share((answers.logits - price * table.block_shares).argmax(-1))
                )
                for price in calibration.prices
            }
            prices.append({p for p, share in at.items() if abs(share - of["macs_share"]) < 0.05})
        low, high = (min(map(max, prices)), max(map(min, prices)))
        self.assertGreaterEqual(low, high)

    def test_fixed_models_are_the_best_of_each_task_at_the_same_mean(self):
        for name in ("second_look", "selector"):
            found = self.found[name]
            shares = [of["macs_share"] for of in found["front"].values()]
            # Less where more brings nothing on the validation images.
            self.assertLessEqual(np.mean(shares), found["macs_share"] + 1e-9)
            models, points = list(itertools.product(range(4), repeat=3)), {}
            for task in TASKS:
                held_out, table = self.answers.on(task, "validation"), self.network.cost_table(task)
                points[task] = [
                    (
                        float(table.macs_share(model, with_selector=False)),
                        held_out.are_right(model).mean(),
                    )
                    for model in models
                ]
            expected = share_out(points, found["macs_share"])
            self.assertAllClose(dict(zip(TASKS, shares, strict=True)), expected)
            theirs = np.mean([of["accuracy"] for of in found["front"].values()])
            gain = found["gain_over_front"]
            self.assertAllClose(gain["points"], 100 * (found["accuracy"] - theirs))
            self.assertBetween(gain["points"], gain["low"], gain["high"])

    def test_what_the_network_does_not_have_is_left_out(self):
        looks = self.network.second_looks
        self.addCleanup(setattr, self.network, "second_looks", looks)
        self.network.second_looks = {"grey": looks["grey"]}
        self.assertEqual(set(JointBudgets(self.answers, 4).measure(0.5)), {"budget", "selector"})
