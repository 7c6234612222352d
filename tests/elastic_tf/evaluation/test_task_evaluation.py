"""Tests of a task's evaluation."""

import math
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation import task_evaluation
from elastic_tf.evaluation.task_evaluation import evaluate_task, paired_gain, policy_statistics
from elastic_tf.models.elastic_network import ElasticNetwork
from tests.testing import TASKS, random_batch, randomise


def _answers(size, gained, lost):
    """Right answers of two choices that differ on `gained + lost` images."""
    ours, theirs = np.zeros(size), np.zeros(size)
    ours[:gained] = 1
    theirs[gained : gained + lost] = 1
    return ours, theirs


class PairedGainTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((1000, 30, 10), (400, 0, 20), (100, 5, 5))
    def test_points_are_the_difference(self, size, gained, lost):
        gain = paired_gain(*_answers(size, gained, lost))
        self.assertAllClose(gain["points"], 100 * (gained - lost) / size)

    @parameterized.parameters((1000, 30, 10), (5000, 400, 300))
    def test_interval_is_near_the_normal_one(self, size, gained, lost):
        gain = paired_gain(*_answers(size, gained, lost), resamples=20_000)
        mean = (gained - lost) / size
        half = 1.96 * np.sqrt(((gained + lost) / size - mean**2) / size)
        expected = [100 * (mean - half), 100 * (mean + half)]
        self.assertAllClose([gain["low"], gain["high"]], expected, rtol=0.08, atol=0.03)

    def test_images_hard_for_both_do_not_widen_it(self):
        same = np.random.default_rng(0).random(500) < 0.5
        gain = paired_gain(same, same)
        self.assertEqual(gain, {"points": 0.0, "low": 0.0, "high": 0.0})

    def test_confidence_sets_the_width(self):
        answers = _answers(1000, 60, 40)
        wide, narrow = (paired_gain(*answers, confidence=c) for c in (0.95, 0.5))
        self.assertLess(wide["low"], narrow["low"])
        self.assertGreater(wide["high"], narrow["high"])

    def test_shares_may_stand_for_means_over_draws(self):
        self.assertAllClose(paired_gain([1.0, 1.0], [0.4, 0.8])["points"], 40.0)

    @parameterized.parameters(([], []), ([1, 0], [1]), ([[1]], [[0]]))
    def test_other_shapes_are_refused(self, ours, theirs):
        with self.assertRaisesRegex(ValueError, "`ours` and `theirs` must be .* Received"):
            paired_gain(ours, theirs)


# Four images on one model, two on another, one each on two more.
LEVELS = np.array([[0, 2]] * 4 + [[1, 2]] * 2 + [[0, 0], [2, 1]])
MACS = np.array([0.1, 0.1, 0.1, 0.1, 0.5, 0.5, 0.2, 0.9])


def _statistics(**changes):
    return policy_statistics(**{"levels": LEVELS, "macs_share": MACS, "num_levels": 3} | changes)


class PolicyStatisticsTest(tf.test.TestCase, parameterized.TestCase):
    def test_models_are_counted(self):
        self.assertEqual(_statistics()["distinct_models"], 4)

    def test_entropy_is_that_of_the_models(self):
        # 1/2, 1/4, 1/8 and 1/8: 1.75 bits.
        self.assertAllClose(_statistics()["entropy"], 1.75 * math.log(2))

    def test_one_model_has_no_entropy(self):
        statistics = policy_statistics(np.ones((5, 2), int), np.ones(5), 3)
        self.assertEqual(str(statistics["entropy"]), "0.0")

    @parameterized.parameters((1, 0.5), (2, 0.75), (10, 1.0))
    def test_share_of_the_most_used(self, top, share):
        self.assertAllClose(_statistics(top=top)["top_share"], share)

    def test_most_used_models_come_first(self):
        expected = [{"levels": [0, 2], "share": 0.5}, {"levels": [1, 2], "share": 0.25}]
        self.assertEqual(_statistics(top=2)["top_models"], expected)

    def test_level_shares_of_every_block(self):
        expected = [[5 / 8, 2 / 8, 1 / 8], [1 / 8, 1 / 8, 6 / 8]]
        self.assertAllClose(_statistics()["level_shares"], expected)

    def test_macs_have_mean_and_quantiles(self):
        macs = _statistics(macs_share=np.arange(101)[:8] * 10.0)["macs"]
        self.assertAllClose(macs, {"mean": 35.0, "p50": 35.0, "p95": 66.5})


class EvaluateTaskTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        randomise(cls.network)
        cls.images, cls.labels = (x.numpy() for x in random_batch(batch=24)["grey"])
        cls.batches = [(cls.images[:16], cls.labels[:16]), (cls.images[16:], cls.labels[16:])]
        cls.results = evaluate_task(
            cls.network,
            cls.batches,
            "grey",
            search_batches=cls.batches[:1],
            search_evaluations=8,
            shuffles=3,
        )

    def _accuracy(self, levels):
        logits = self.network.estimator(self.images, levels=levels, task="grey").numpy()
        return (logits.argmax(-1) == self.labels).mean()

    def test_selector_accuracy_is_that_of_its_levels(self):
        levels = self.network.select_levels(self.images, "grey")
        self.assertAllClose(self.results["accuracy"]["selector"], self._accuracy(levels))

    def test_uniform_levels_are_measured(self):
        for level in range(4):
            self.assertAllClose(
                self.results["accuracy"][f"level_{level}"], self._accuracy([[level] * 3] * 24)
            )
        self.assertEqual(self.results["accuracy"]["full"], self.results["accuracy"]["level_3"])

    def test_shuffled_deals_the_selectors_own_models(self):
        levels = self.network.select_levels(self.images, "grey").numpy()
        orders = [np.random.default_rng([0, k]).permutation(24) for k in range(3)]
        expected = np.mean([self._accuracy(levels[order]) for order in orders])
        self.assertAllClose(self.results["accuracy"]["shuffled"], expected)

    def test_costs_are_means_over_images(self):
        levels = self.network.select_levels(self.images, "grey").numpy()
        widths = np.array([0, 0.25, 0.5, 1.0])
        self.assertAllClose(self.results["density"], widths[levels].mean())
        macs = self.network.cost_table("grey").macs(levels).numpy()
        self.assertAllClose(self.results["macs_share"], macs.mean() / self.results["full_macs"])

    def test_policy_is_that_of_the_selector(self):
        levels = self.network.select_levels(self.images, "grey").numpy()
        macs = self.network.cost_table("grey").macs_share(levels).numpy()
        expected = policy_statistics(levels, macs, 4)
        self.assertEqual(self.results["policy"]["top_models"], expected["top_models"])
        self.assertAllClose(self.results["policy"]["macs"], expected["macs"])

    def test_best_static_costs_no_more_and_is_measured_on_all_images(self):
        found = self.results["best_fixed"]
        self.assertLessEqual(found["macs_share"], self.results["macs_share"])
        self.assertEqual(found["evaluations"], 8)
        expected = self._accuracy([found["levels"]] * 24)
        self.assertAllClose(self.results["accuracy"]["best_fixed"], expected)

    @parameterized.parameters("shuffled", "best_fixed")
    def test_gain_is_the_difference_in_points(self, rival):
        accuracy = self.results["accuracy"]
        gain = self.results[f"gain_over_{rival}"]
        self.assertAllClose(gain["points"], 100 * (accuracy["selector"] - accuracy[rival]))
        self.assertBetween(gain["points"], gain["low"], gain["high"])

    def test_random_at_cost_costs_as_much_as_the_selector(self):
        with mock.patch.object(
            task_evaluation, "random_at_cost", wraps=task_evaluation.random_at_cost
        ) as draw:
            results = evaluate_task(self.network, self.batches, "grey")
        _, _, mean_cost, _ = draw.call_args.args
        table = self.network.cost_table("grey")
        whole = mean_cost + table.fixed_macs + table.selector_macs
        self.assertAllClose(whole / table.full_macs, results["macs_share"])

    def test_without_search_there_is_no_best_static(self):
        results = evaluate_task(self.network, self.batches, "grey")
        self.assertNotIn("best_fixed", results)
        self.assertNotIn("gain_over_best_fixed", results)

    def test_a_price_changes_what_the_selector_and_the_search_choose(self):
        table = self.network.cost_table("grey")
        logits = self.network.selector(self.images, task="grey").numpy()
        price = 2 * float(np.ptp(logits))
        chosen = (logits - price * table.block_shares).argmax(-1)
        with mock.patch.object(
            task_evaluation, "best_fixed", wraps=task_evaluation.best_fixed
        ) as search:
            results = evaluate_task(
                self.network, self.batches, "grey", self.batches, search_evaluations=2, price=price
            )
        macs = table.block_macs[np.arange(3), chosen].sum(axis=1)
        whole = macs.mean() + table.fixed_macs + table.selector_macs
        self.assertAllClose(results["macs_share"], whole / table.full_macs)
        self.assertLess(results["macs_share"], self.results["macs_share"])
        self.assertAllClose(results["accuracy"]["selector"], self._accuracy(chosen))
        candidates = set(map(tuple, search.call_args.args[4]))
        self.assertEqual(candidates, set(map(tuple, chosen)))
        self.assertNotEqual(candidates, set(map(tuple, logits.argmax(-1))))

    def test_no_images_are_refused(self):
        with self.assertRaisesRegex(ValueError, "at least one image of task 'grey'"):
            evaluate_task(self.network, [], "grey")


if __name__ == "__main__":
    tf.test.main()
