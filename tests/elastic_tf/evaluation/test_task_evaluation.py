"""Tests of a task's evaluation."""

from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation import task_evaluation
from elastic_tf.evaluation.answers import Answers
from elastic_tf.evaluation.fixed_front import FixedFront, search_front
from elastic_tf.evaluation.task_evaluation import evaluate_network, evaluate_task
from elastic_tf.models.elastic_network import ElasticNetwork
from tests.elastic_tf.evaluation.small_answers import (
    BATCHES,
    IMAGES,
    LABELS,
    LOOKS,
    accuracy,
    answers_by_split,
    macs_share,
    selector_logits,
    small_answers,
    small_network,
)
from tests.testing import randomise


class EvaluateTaskTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        answers = small_answers()
        front = FixedFront(search_front(answers.on(BATCHES[:1]), 8), answers)
        cls.results = evaluate_task(answers, front, shuffles=3)
        cls.levels = selector_logits(small_network()).argmax(-1)

    def test_accuracies_are_those_of_the_levels(self):
        found = self.results["accuracy"]
        self.assertAllClose(found["selector"], accuracy(self.levels))
        for level in range(4):
            self.assertAllClose(found[f"level_{level}"], accuracy([level] * 3))
        self.assertEqual(found["full"], found["level_3"])
        orders = [np.random.default_rng([0, k]).permutation(24) for k in range(3)]
        expected = np.mean([accuracy(self.levels[order]) for order in orders])
        self.assertAllClose(found["shuffled"], expected)

    def test_classes_are_those_of_the_images(self):
        found = self.results["classes"]
        full = [3] * 3
        for label in range(3):
            of_class = LABELS == label
            self.assertEqual(found["images"][label], of_class.sum())
            for name, levels in (("selector", self.levels), ("full", np.tile(full, (24, 1)))):
                logits = small_network().estimator(
                    IMAGES, levels=levels.astype(np.int32), task="grey"
                )
                right = logits.numpy().argmax(-1)[of_class] == label
                self.assertAllClose(found[name][label], right.mean())
            self.assertAllClose(found["macs_share"][label], macs_share(self.levels[of_class]))
        self.assertNotIn("top5_accuracy", self.results)

    def test_many_classes_have_a_top5(self):
        tasks = {"many": {"image_shape": (8, 8, 1), "num_classes": 21}}
        network = randomise(ElasticNetwork(tasks, backbone="wrn-8-1", trunk_size=4))
        labels = np.arange(24) % 21
        found = evaluate_task(Answers(network, [(IMAGES, labels)], "many"), shuffles=1)
        self.assertEqual(set(found["top5_accuracy"]), {"selector", "full"})
        levels = network.selector(IMAGES, task="many").numpy().argmax(-1).astype(np.int32)
        for name, of in (("selector", levels), ("full", np.full_like(levels, 3))):
            logits = network.estimator(IMAGES, levels=of, task="many")
            expected = tf.math.in_top_k(labels, logits, 5).numpy().mean()
            self.assertAllClose(found["top5_accuracy"][name], expected)
            self.assertGreater(expected, found["accuracy"][name])

    def test_costs_are_means_over_images(self):
        widths = np.array([0, 0.25, 0.5, 1.0])
        self.assertAllClose(self.results["density"], widths[self.levels].mean())
        self.assertAllClose(self.results["macs_share"], macs_share(self.levels))
        self.assertAllClose(self.results["policy"]["macs"]["mean"], macs_share(self.levels))
        for level in range(4):
            expected = macs_share([level] * 3, with_selector=False)
            self.assertAllClose(self.results["fixed_macs_share"][f"level_{level}"], expected)

    def test_policy_is_that_of_the_selector(self):
        models, counts = np.unique(self.levels, axis=0, return_counts=True)
        top = self.results["policy"]["top_models"][0]
        self.assertEqual(top["levels"], models[counts.argmax()].tolist())
        self.assertAllClose(top["share"], counts.max() / 24)

    def test_the_front_is_at_exactly_the_cost_of_the_choice(self):
        found = self.results["front"]
        self.assertEqual(found["evaluations"], 8)
        used = [corner for corner in found["corners"] if "accuracy" in corner]
        for corner in used:
            self.assertAllClose(corner["accuracy"], accuracy(corner["levels"]))
        points = [(corner["macs_share"], corner["accuracy"]) for corner in used]
        expected = np.interp(self.results["macs_share"], *zip(*points, strict=True))
        self.assertAllClose(self.results["accuracy"]["front"], expected)

    @parameterized.parameters("shuffled", "front")
    def test_gain_is_the_difference_in_points(self, rival):
        found = self.results["accuracy"]
        gain = self.results[f"gain_over_{rival}"]
        self.assertAllClose(gain["points"], 100 * (found["selector"] - found[rival]))
        self.assertBetween(gain["points"], gain["low"], gain["high"])

    def test_the_test_hull_is_stricter(self):
        strict = self.results["gain_over_test_hull"]
        self.assertLessEqual(strict["points"], self.results["gain_over_front"]["points"] + 1e-9)
        self.assertBetween(strict["points"], strict["low"], strict["high"])

    def test_gains_at_budgets_and_their_mean(self):
        points = self.results["budget_gains"]
        calibration = small_network().calibrations["grey"]
        budgets = [b for b in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8) if calibration.reaches(b)]
        self.assertEqual([point["budget"] for point in points], budgets)
        self.assertNotEmpty(budgets)
        corners = [c for c in self.results["front"]["corners"] if "accuracy" in c]
        front = [(corner["macs_share"], corner["accuracy"]) for corner in corners]
        for point in points:
            price = float(calibration.price(point["budget"]))
            worth = selector_logits(small_network()) - price * small_answers().table.block_shares
            self.assertAllClose(point["macs_share"], macs_share(worth.argmax(-1)))
            self.assertAllClose(point["accuracy"], accuracy(worth.argmax(-1)))
            expected = point["accuracy"] - np.interp(point["macs_share"], *zip(*front, strict=True))
            self.assertAllClose(point["gain_over_front"]["points"], 100 * expected)
            strict = point["gain_over_test_hull"]["points"]
            self.assertLessEqual(strict, point["gain_over_front"]["points"] + 1e-9)
        mean = np.mean([point["gain_over_front"]["points"] for point in points])
        self.assertAllClose(self.results["gain_over_front_mean"]["points"], mean)

    def test_second_looks_at_budgets_and_the_mean_of_their_gains(self):
        points = self.results["second_look"]
        self.assertEqual([point["budget"] for point in points], [0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
        table, estimator = small_answers().table, small_network().estimator
        for point, look in zip(points, [LOOKS[0]] * 3 + [LOOKS[1]] * 3, strict=True):
            self.assertEqual([point["first"], point["second"]], [[*look.first], [*look.second]])
            first, second = (
                estimator(IMAGES, levels=np.tile(levels, (24, 1)), task="grey").numpy()
                for levels in (look.first, look.second)
            )
            scaled = tf.nn.softmax(first / look.temperature).numpy().max(-1)
            unsure = scaled < point["threshold"]
            self.assertAllClose(point["seen_twice"], unsure.mean())
            answers = np.where(unsure, second.argmax(-1), first.argmax(-1))
            self.assertAllClose(point["accuracy"], (answers == LABELS).mean())
            once, again = look.macs(table)
            shares = (once + again * unsure) / table.full_macs
            self.assertAllClose(point["macs_share"], shares.mean())
            self.assertAllClose(point["p95"], np.percentile(shares, 95))
            self.assertAllClose(point["largest"], shares.max())
        mean = np.mean([point["gain_over_front"]["points"] for point in points])
        self.assertAllClose(self.results["second_look_gain_mean"]["points"], mean)

    def test_random_at_cost_costs_as_much_as_the_selector(self):
        draw = mock.patch.object(
            task_evaluation, "random_at_cost", wraps=task_evaluation.random_at_cost
        )
        with draw as drawn:
            results = evaluate_task(small_answers())
        _, _, mean_cost, _ = drawn.call_args.args
        table = small_answers().table
        whole = mean_cost + table.fixed_macs + table.selector_macs
        self.assertAllClose(whole / table.full_macs, results["macs_share"])

    def test_without_a_search_there_is_no_front(self):
        results = evaluate_task(small_answers(), shuffles=1)
        self.assertEmpty([key for key in results if "front" in key or "hull" in key])
        self.assertNotIn("second_look", results)
        self.assertNotIn("budget", results)

    def test_a_budget_changes_what_the_selector_chooses(self):
        price = float(small_network().calibrations["grey"].price(0.2))
        worth = selector_logits(small_network()) - price * small_answers().table.block_shares
        chosen = worth.argmax(-1)
        results = evaluate_task(small_answers(), budget=0.2)
        self.assertEqual(results["budget"], 0.2)
        self.assertAllClose(results["macs_share"], macs_share(chosen))
        self.assertLess(results["macs_share"], self.results["macs_share"])
        self.assertAllClose(results["accuracy"]["selector"], accuracy(chosen))

    def test_a_network_is_evaluated_task_by_task_and_searched_on_validation_images(self):
        answers = answers_by_split(small_network(), test=6, validation=4)
        found = evaluate_network(answers, tasks=["colour"], search_evaluations=3)
        front = FixedFront(
            search_front(answers.on("colour", "validation"), 3), answers.on("colour", "test")
        )
        expected = evaluate_task(answers.on("colour", "test"), front)
        self.assertEqual(found, {"colour": expected})
        (only,) = evaluate_network(answers, "validation", ["colour"], 0).values()
        self.assertEqual(only["num_images"], 4)
        self.assertNotIn("front", only)
