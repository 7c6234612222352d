"""Tests of what fixed models and mixtures of them offer."""

import itertools
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation import fixed_front
from elastic_tf.evaluation.answers import Answers
from elastic_tf.evaluation.fixed_front import (
    FixedFront,
    Mixtures,
    accuracy_at,
    envelope,
    hypervolume,
    mixture_weights,
    nearest,
    pareto_front,
    search_front,
)
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.policies.sampling import fixed_model
from elastic_tf.training.refresh_averages import refresh_averages
from tests.elastic_tf.evaluation.small_answers import (
    BATCHES,
    accuracy,
    macs_share,
    selector_logits,
    small_answers,
    small_network,
)
from tests.testing import random_batch

POINTS = [(0.5, 0.8), (0.2, 0.5), (0.6, 0.7), (1.0, 0.9), (0.2, 0.4)]


class ParetoFrontTest(tf.test.TestCase, parameterized.TestCase):
    def test_front_holds_what_no_other_beats(self):
        generator = np.random.default_rng(0)
        points = [tuple(point) for point in generator.integers(0, 12, (40, 2)) / 12]
        expected = {
            (cost, accuracy)
            for cost, accuracy in points
            if not any(
                (c <= cost and a >= accuracy and (c, a) != (cost, accuracy)) for c, a in points
            )
        }
        front = [points[index] for index in pareto_front(points)]
        self.assertEqual(set(front), expected)
        self.assertEqual(front, sorted(expected))

    def test_of_equal_points_the_first_is_on_the_front(self):
        self.assertEqual(pareto_front([(0.5, 0.5), (0.5, 0.5)]), [0])

    def test_hypervolume_is_the_area_below_the_steps(self):
        # By hand: 0.5 from 0.2 to 0.5, 0.8 from there to 1; what costs 1 adds nothing.
        self.assertAllClose(hypervolume(POINTS), 0.3 * 0.5 + 0.5 * 0.8)

    def test_hypervolume_is_the_mean_of_the_best_within_random_budgets(self):
        budgets = (np.arange(100_000) + 0.5) / 100_000
        best = [max([a for c, a in POINTS if c <= budget], default=0) for budget in budgets]
        self.assertAllClose(hypervolume(POINTS), np.mean(best), atol=1e-4)

    @parameterized.parameters(([], 0.0), ([(1.2, 0.9)], 0.0), ([(0.0, 0.7)], 0.7))
    def test_hypervolume_of(self, points, expected):
        self.assertAllClose(hypervolume(points), expected)

    @parameterized.parameters((0.2, 0.5), (0.35, 0.65), (0.75, 0.85), (2.0, 0.9))
    def test_accuracy_at_a_cost_is_that_of_a_mixture(self, cost, expected):
        self.assertAllClose(accuracy_at(POINTS, cost), expected)

    def test_no_accuracy_below_the_cheapest(self):
        self.assertEqual(accuracy_at(POINTS, 0.1), -np.inf)

    def test_a_mixture_may_pass_over_a_point_of_the_front(self):
        # By hand: (0.4, 0.4) is dearer and better than the first, yet below the line to the last.
        self.assertAllClose(accuracy_at([(0.2, 0.3), (0.4, 0.4), (0.6, 0.9)], 0.4), 0.6)


class EnvelopeTest(tf.test.TestCase, parameterized.TestCase):
    def test_no_mixture_of_two_is_above_it(self):
        generator = np.random.default_rng(0)
        points = [tuple(point) for point in generator.random((40, 2))]
        for cost in np.linspace(0.1, 0.95, 20):
            mixtures = [
                y0 + (y1 - y0) * (cost - x0) / (x1 - x0)
                for (x0, y0), (x1, y1) in itertools.permutations(points, 2)
                if x0 <= cost <= x1
            ]
            best = max(mixtures + [y for x, y in points if x <= cost])
            self.assertAllClose(accuracy_at(points, cost), best)

    def test_points_between_two_others_and_equal_ones_are_left_out(self):
        points = [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (1.0, 1.0), (2.0, 0.9)]
        self.assertEqual(envelope(points), [0, 2])
        self.assertEqual(envelope(points[:1]), [0])

    @parameterized.parameters(
        (0.1, [1, 0, 0]),
        (0.2, [1, 0, 0]),
        (0.3, [0.5, 0.5, 0]),
        (0.7, [0, 0.5, 0.5]),
        (2, [0, 0, 1]),
    )
    def test_weights_of_neighbours(self, cost, expected):
        self.assertAllClose(mixture_weights([0.2, 0.4, 1.0], cost), expected)

    def test_a_mixture_counts_by_expectation_and_asks_for_what_it_needs(self):
        right = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]], bool)
        asked = []
        mixtures = Mixtures([0.2, 0.4, 1.0], lambda number: asked.append(number) or right[number])
        self.assertAllClose(mixtures.right_at(0.3), [1, 0.5, 0])
        self.assertAllClose(mixtures.right_at(0.25), [1, 0.25, 0])
        self.assertEqual(asked, [0, 1])
        self.assertAllClose(mixtures.right_at(1.0), [0, 0, 1])
        self.assertEqual(set(mixtures.measured), {0, 1, 2})


class FixedFrontTest(tf.test.TestCase):
    """On 64 models, all of which can be tried."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.held_out = small_answers()
        cls.measured = small_answers().on([random_batch(["grey"], 30, seed=3)["grey"]])
        cls.models = list(itertools.product(range(4), repeat=3))
        cls.shares = [macs_share(model, with_selector=False) for model in cls.models]

    def _front(self, evaluations=64, **arguments):
        return FixedFront(search_front(self.held_out, evaluations), self.measured, **arguments)

    def _best_mixture(self, accuracies, share):
        """The most accurate of all mixtures of two models at mean MACs of exactly so much."""
        return accuracy_at(list(zip(self.shares, accuracies, strict=True)), share)

    def test_corners_are_the_best_mixtures_on_held_out_images(self):
        front = self._front()
        self.assertEqual(front.evaluations, 64)
        corners = front.corners
        points = [(corner["macs_share"], corner["validation_accuracy"]) for corner in corners]
        accuracies = [accuracy(model) for model in self.models]
        self.assertGreater(len(points), 1)
        for share in np.linspace(points[0][0], points[-1][0], 7):
            expected = self._best_mixture(accuracies, share)
            self.assertAllClose(np.interp(share, *zip(*points, strict=True)), expected)
        for corner in corners:
            self.assertAllClose(corner["macs_share"], macs_share(corner["levels"], False))
            self.assertAllClose(corner["validation_accuracy"], accuracy(corner["levels"]))
            self.assertNotIn("accuracy", corner)

    def test_they_are_measured_on_other_images_at_exactly_the_cost(self):
        front = self._front()
        share = np.mean([corner["macs_share"] for corner in front.corners[:2]])
        right = front.mixtures.right_at(share)
        used = [corner for corner in front.corners if "accuracy" in corner]
        self.assertLen(used, 2)
        low, high = used
        self.assertEqual([low["levels"], high["levels"]], [c["levels"] for c in front.corners[:2]])
        first, second = (self.measured.are_right(corner["levels"]) for corner in used)
        self.assertAllClose(right, (first.astype(float) + second) / 2)
        self.assertAllClose(low["accuracy"], first.mean())
        self.assertAllClose(high["accuracy"], second.mean())

    def test_the_hull_is_of_the_images_that_are_measured(self):
        front = self._front()
        own = [self.measured.are_right(model).mean() for model in self.models]
        for share in (*np.linspace(min(self.shares), 0.4, 5), 1.2):
            hull = front.hull(count=64).right_at(share).mean()
            self.assertAllClose(hull, self._best_mixture(own, share))
            few = front.hull(count=4).right_at(share).mean()
            self.assertLessEqual(few, hull)

    def test_few_evaluations_begin_with_uniform_levels_and_what_the_selector_uses_most(self):
        levels = selector_logits(small_network()).argmax(-1)
        used, counts = np.unique(levels, axis=0, return_counts=True)
        first, *others = (tuple(model["levels"]) for model in self._tried_first(6)[4:])
        self.assertEqual(counts[used.tolist().index([*first])], counts.max())
        self.assertLen(others, 1)
        self.assertEqual(
            [model["levels"] for model in self._tried_first(6)[:4]],
            [[level] * 3 for level in range(4)],
        )

    def _tried_first(self, count):
        tried = search_front(self.held_out, count)
        self.assertLen(tried, count)
        return tried

    def test_a_budget_changes_which_the_selector_uses(self):
        price = float(small_network().calibrations["grey"].price(0.5))
        worth = selector_logits(small_network()) - price * small_answers().table.block_shares
        chosen = set(map(tuple, worth.argmax(-1)))
        tried = search_front(self.held_out, 5, budget=0.5)
        self.assertIn(tuple(tried[4]["levels"]), chosen)
        self.assertNotEqual(tried[4]["levels"], self._tried_first(5)[4]["levels"])

    def test_the_nearest_are_below_the_front_by_least(self):
        tried = search_front(self.held_out, 64)
        points = [(model["macs_share"], model["validation_accuracy"]) for model in tried]
        gaps = {
            tuple(model["levels"]): accuracy_at(points, model["macs_share"])
            - model["validation_accuracy"]
            for model in tried
        }
        near = [gaps[tuple(model["levels"])] for model in nearest(tried, 10)]
        self.assertAllClose(near, sorted(gaps.values())[:10])

    def test_corners_have_averages_of_their_own(self):
        batches = tf.data.Dataset.from_tensors(BATCHES[0]).repeat()
        weights = [weight.numpy() for weight in small_network().weights]
        with mock.patch.object(fixed_front, "_BATCHES", 2):
            front = self._front(training_batches=batches)
            right = front.mixtures.right_at(1.0)
        for weight, value in zip(small_network().weights, weights, strict=True):
            self.assertAllEqual(weight, value)
        # Of a batch taken twice, mean and variance are those of the batch.
        levels = front.corners[-1]["levels"]
        network = ElasticNetwork.from_config(small_network().get_config())
        network.set_weights(weights)
        refresh_averages(
            network, batches, "grey", lambda images: fixed_model(tf.shape(images)[0], levels), 1
        )
        expected = Answers(network, self.measured._batches, "grey").are_right(levels)
        self.assertAllEqual(right, expected)
        self.assertNotAllEqual(right, self.measured.are_right(levels))
