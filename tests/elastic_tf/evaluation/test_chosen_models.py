"""Tests of chosen models."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.chosen_models import (
    chosen_models,
    class_shares,
    route_images,
    task_agreement,
)
from elastic_tf.models.elastic_network import ElasticNetwork
from tests.testing import TASKS, random_images, randomise

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

    def test_the_images_on_a_model(self):
        self.assertAllEqual(chosen_models(LEVELS).images_on(1), [1, 4])

    def test_counts_add_up_to_the_images(self):
        levels = np.random.default_rng(0).integers(0, 3, (500, 4))
        self.assertEqual(chosen_models(levels).counts.sum(), 500)

    @parameterized.parameters(((0, 3),), ((4,),))
    def test_other_arrays_are_refused(self, shape):
        with self.assertRaisesRegex(ValueError, r"`levels` must be \(images, blocks\).*Received"):
            chosen_models(np.zeros(shape, int))


LABELS = np.array([0] * 6 + [1] * 3 + [2] * 1)


class ClassSharesTest(tf.test.TestCase):
    def test_shares_and_their_ratio(self):
        shares = class_shares(LABELS, [0, 6, 7, 8], 3)
        self.assertEqual([each["count"] for each in shares], [1, 3, 0])
        self.assertAllClose([each["group_share"] for each in shares], [0.25, 0.75, 0.0])
        self.assertAllClose([each["task_share"] for each in shares], [0.6, 0.3, 0.1])
        self.assertAllClose([each["lift"] for each in shares], [0.25 / 0.6, 2.5, 0.0])

    def test_a_class_without_images_has_no_ratio(self):
        self.assertIsNone(class_shares(LABELS, [0], 4)[3]["lift"])

    def test_deviations_are_those_of_random_groups(self):
        rng = np.random.default_rng(0)
        group = rng.permutation(10)[:4]
        draws = [np.bincount(LABELS[rng.permutation(10)[:4]], minlength=3) for _ in range(20_000)]
        expected = np.bincount(LABELS[group], minlength=3) - np.mean(draws, axis=0)
        expected /= np.std(draws, axis=0)
        found = [each["z"] for each in class_shares(LABELS, group, 3)]
        self.assertAllClose(found, expected, atol=0.05)

    def test_all_images_deviate_from_nothing(self):
        self.assertAllEqual([e["z"] for e in class_shares(LABELS, np.arange(10), 3)], [0, 0, 0])

    def test_an_empty_group_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`group` must hold.*Received: none"):
            class_shares(LABELS, [], 3)


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


LABELS_ROUTED_IMAGES = np.array([0, 1, 2, 0, 1, 2])
PRICE = 300.0  # The logits of random weights are large.


def softmax(values):
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


class RouteImagesTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)
        randomise(cls.network.estimator)
        randomise(cls.network.selector)
        cls.images = random_images("grey", 6)
        batches = tf.data.Dataset.from_tensor_slices((cls.images, LABELS_ROUTED_IMAGES)).batch(4)
        cls.routed = route_images(cls.network, batches, "grey")
        cls.cheap = route_images(cls.network, batches, "grey", price=PRICE)
        cls.logits = cls.network.selector(cls.images, task="grey").numpy()

    def test_models_are_the_selectors(self):
        self.assertAllEqual(self.routed.levels, self.logits.argmax(axis=-1))

    def test_probabilities_of_levels(self):
        self.assertAllClose(self.routed.level_probabilities, softmax(self.logits), atol=1e-5)

    def test_a_price_counts_in_the_choice_and_in_the_probabilities(self):
        shares = np.asarray(self.network.cost_table("grey").block_shares)
        expected = softmax(self.logits - PRICE * shares)
        self.assertAllClose(self.cheap.level_probabilities, expected, atol=1e-5)
        self.assertAllEqual(self.cheap.levels, expected.argmax(axis=-1))
        self.assertNotAllEqual(self.cheap.levels, self.routed.levels)

    def test_answers_are_those_of_each_image_alone(self):
        for i, image in enumerate(self.images):
            levels = tf.constant(self.routed.levels[i : i + 1])
            answer = self.network.estimator(image[np.newaxis], levels=levels, task="grey")
            probabilities = tf.nn.softmax(answer)[0].numpy()
            self.assertEqual(self.routed.classes[i], probabilities.argmax())
            self.assertAllClose(self.routed.confidence[i], probabilities.max(), atol=1e-4)
        self.assertAllEqual(self.routed.labels, LABELS_ROUTED_IMAGES)
        self.assertAllClose(
            self.routed.accuracy, np.mean(self.routed.classes == LABELS_ROUTED_IMAGES)
        )

    def test_cost_is_of_the_full_model_with_selector(self):
        table = self.network.cost_table("grey")
        expected = table.macs_share(self.routed.levels)
        self.assertAllClose(self.routed.macs_share, expected, atol=1e-6)


if __name__ == "__main__":
    tf.test.main()
