"""Tests of chosen models."""

import math

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.chosen_models import (
    chosen_models,
    class_shares,
    policy_statistics,
    route_images,
    task_agreement,
)
from tests.elastic_tf.evaluation.small_answers import (
    IMAGES,
    LABELS,
    accuracy,
    macs_share,
    selector_logits,
    small_answers,
    small_network,
)

LEVELS = np.array([[1, 2], [0, 3], [1, 2], [0, 0], [0, 3], [1, 2]])


class ChosenModelsTest(tf.test.TestCase, parameterized.TestCase):
    def test_the_most_used_comes_first(self):
        chosen = chosen_models(LEVELS)
        self.assertAllEqual(chosen.models, [[1, 2], [0, 3], [0, 0]])
        self.assertAllEqual(chosen.counts, [3, 2, 1])
        self.assertAllClose(chosen.shares, [1 / 2, 1 / 3, 1 / 6])

    def test_models_used_alike_are_in_the_order_of_their_levels(self):
        self.assertAllEqual(chosen_models([[3], [1], [2]]).models, [[1], [2], [3]])

    def test_every_image_is_on_its_model(self):
        chosen = chosen_models(LEVELS)
        self.assertAllEqual(chosen.models[chosen.model_of_image], LEVELS)
        self.assertAllEqual(chosen.images_on(1), [1, 4])

    @parameterized.parameters(((0, 3),), ((4,),))
    def test_other_arrays_are_refused(self, shape):
        with self.assertRaisesRegex(ValueError, r"`levels` must be \(images, blocks\).*Received"):
            chosen_models(np.zeros(shape, int))


CLASSES = np.array([0] * 6 + [1] * 3 + [2] * 1)


class ClassSharesTest(tf.test.TestCase):
    def test_shares_and_their_ratio(self):
        shares = class_shares(CLASSES, [0, 6, 7, 8], 3)
        self.assertEqual([each["count"] for each in shares], [1, 3, 0])
        self.assertAllClose([each["group_share"] for each in shares], [0.25, 0.75, 0.0])
        self.assertAllClose([each["task_share"] for each in shares], [0.6, 0.3, 0.1])
        self.assertAllClose([each["lift"] for each in shares], [0.25 / 0.6, 2.5, 0.0])
        self.assertIsNone(class_shares(CLASSES, [0], 4)[3]["lift"])

    def test_deviations_are_those_of_random_groups(self):
        rng = np.random.default_rng(0)
        group = rng.permutation(10)[:4]
        draws = [np.bincount(CLASSES[rng.permutation(10)[:4]], minlength=3) for _ in range(20_000)]
        expected = np.bincount(CLASSES[group], minlength=3) - np.mean(draws, axis=0)
        expected /= np.std(draws, axis=0)
        found = [each["z"] for each in class_shares(CLASSES, group, 3)]
        self.assertAllClose(found, expected, atol=0.05)

    def test_all_images_deviate_from_nothing(self):
        self.assertAllEqual([e["z"] for e in class_shares(CLASSES, np.arange(10), 3)], [0, 0, 0])

    def test_an_empty_group_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`group` must hold.*Received: none"):
            class_shares(CLASSES, [], 3)


class TaskAgreementTest(tf.test.TestCase, parameterized.TestCase):
    def test_the_same_distribution_agrees_whatever_the_number_of_images(self):
        levels = np.array([[0, 1], [2, 2], [0, 1]])
        found = task_agreement(levels, np.tile(levels, (4, 1)), 3)
        self.assertAllClose(found["overlap"], 1.0)
        self.assertAllClose(found["divergence"], 0.0, atol=1e-9)
        self.assertEqual(found["shared_models"], 2)
        self.assertAllClose(found["level_overlap"], [1.0, 1.0])

    def test_no_model_in_common(self):
        found = task_agreement([[0, 1]], [[0, 2], [0, 0]], 3)
        self.assertEqual((found["overlap"], found["shared_models"]), (0.0, 0))
        self.assertAllClose(found["divergence"], 1.0)
        self.assertAllClose(found["level_overlap"], [1.0, 0.0])

    def test_by_hand(self):
        # p = (3/4, 1/4, 0), q = (1/2, 0, 1/2): m = (5/8, 1/8, 1/4).
        found = task_agreement([[0], [0], [0], [1]], [[0], [2]], 3)
        self.assertAllClose(found["overlap"], 0.5)
        entropies = [
            -sum(x * np.log2(x) for x in of if x)
            for of in ([5 / 8, 1 / 8, 1 / 4], [3 / 4, 1 / 4], [1 / 2, 1 / 2])
        ]
        self.assertAllClose(found["divergence"], entropies[0] - (entropies[1] + entropies[2]) / 2)

    @parameterized.parameters(((2, 3), (2, 4)), ((0, 3), (2, 3)), ((3,), (3,)))
    def test_other_arrays_are_refused(self, *shapes):
        with self.assertRaisesRegex(ValueError, "`first` and `second`.*Received: shapes"):
            task_agreement(*(np.zeros(shape, int) for shape in shapes), 4)


# Four images on one model, two on another, one each on two more.
EIGHT_LEVELS = np.array([[0, 2]] * 4 + [[1, 2]] * 2 + [[0, 0], [2, 1]])
MACS = np.array([0.1, 0.1, 0.1, 0.1, 0.5, 0.5, 0.2, 0.9])


class PolicyStatisticsTest(tf.test.TestCase, parameterized.TestCase):
    def test_by_hand(self):
        found = policy_statistics(EIGHT_LEVELS, MACS, 3)
        self.assertEqual(found["distinct_models"], 4)
        # 1/2, 1/4, 1/8 and 1/8: 1.75 bits.
        self.assertAllClose(found["entropy"], 1.75 * math.log(2))
        expected = [[5 / 8, 2 / 8, 1 / 8], [1 / 8, 1 / 8, 6 / 8]]
        self.assertAllClose(found["level_shares"], expected)

    def test_one_model_has_no_entropy(self):
        found = policy_statistics(np.ones((5, 2), int), np.ones(5), 3)
        self.assertEqual(str(found["entropy"]), "0.0")

    @parameterized.parameters((1, 0.5), (2, 0.75), (10, 1.0))
    def test_the_most_used_models_come_first(self, top, share):
        found = policy_statistics(EIGHT_LEVELS, MACS, 3, top)
        self.assertAllClose(found["top_share"], share)
        expected = [{"levels": [0, 2], "share": 0.5}, {"levels": [1, 2], "share": 0.25}]
        self.assertEqual(found["top_models"][:2], expected[:top])
        self.assertLen(found["top_models"], min(top, 4))

    def test_macs_have_mean_and_quantiles(self):
        found = policy_statistics(EIGHT_LEVELS, np.arange(8) * 10.0, 3)
        self.assertAllClose(found["macs"], {"mean": 35.0, "p50": 35.0, "p95": 66.5})


def softmax(values):
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


class RouteImagesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(None, 0.3)
    def test_a_budgets_price_counts_in_the_choice_and_in_the_probabilities(self, budget):
        network, answers = small_network(), small_answers()
        routed = route_images(answers, budget)
        price = float(network.calibrations["grey"].price(budget)) if budget else 0.0
        worth = selector_logits(network) - price * network.cost_table("grey").block_shares
        self.assertAllEqual(routed.levels, worth.argmax(axis=-1))
        self.assertAllClose(routed.level_probabilities, softmax(worth), atol=1e-3)
        self.assertAllClose(routed.macs_share.mean(), macs_share(routed.levels))

    def test_answers_are_those_of_each_image_alone(self):
        routed = route_images(small_answers())
        for row in range(0, len(IMAGES), 5):
            levels = tf.constant(routed.levels[row : row + 1])
            logits = small_network().estimator(IMAGES[row : row + 1], levels=levels, task="grey")
            probabilities = softmax(logits[0].numpy())
            self.assertEqual(routed.classes[row], probabilities.argmax())
            self.assertAllClose(routed.confidence[row], probabilities.max(), atol=1e-4)
        self.assertAllEqual(routed.labels, LABELS)
        self.assertAllClose(routed.accuracy, accuracy(routed.levels))
