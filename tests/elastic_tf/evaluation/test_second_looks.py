"""Tests of second looks that are set for budgets."""

import itertools

import numpy as np
import tensorflow as tf

from elastic_tf.evaluation.second_looks import (
    calibrate_second_looks,
    find_second_looks,
    fit_temperature,
)
from elastic_tf.models.elastic_network import ElasticNetwork
from tests.elastic_tf.evaluation.small_answers import (
    IMAGES,
    LABELS,
    answers_by_split,
    macs_share,
    small_answers,
    small_network,
)
from tests.testing import TASKS, randomise


def of_model(levels):
    """Returns class logits on `IMAGES`, computed without a frozen network."""
    levels = np.tile(np.int32(levels), (len(IMAGES), 1))
    return small_network().estimator(IMAGES, levels=levels, task="grey").numpy()


class FindSecondLooksTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        models = [
            {"levels": levels, "macs_share": macs_share(levels, with_selector=False)}
            for levels in itertools.product((0, 2, 3), repeat=3)
        ]
        cls.models = models
        cls.found = find_second_looks(small_answers(), models)

    def test_budgets_are_a_hundredth_apart_from_the_cheapest_on(self):
        cheapest = min(model["macs_share"] for model in self.models)
        self.assertBetween(self.found.budgets[0], cheapest, cheapest + 0.01)
        self.assertEqual(self.found.budgets[-1], 1.0)
        self.assertAllClose(np.diff(self.found.budgets), np.full(len(self.found.looks) - 1, 0.01))
        self.assertIn(0.3, self.found.budgets.tolist())

    def test_budgets_are_kept_and_accuracy_never_falls(self):
        table, found = small_network().cost_table("grey"), self.found
        for budget, look, accuracy in zip(
            found.budgets, found.looks, found.accuracies, strict=True
        ):
            first, second = of_model(look.first), of_model(look.second)
            exponentials = np.exp((first - first.max(-1, keepdims=True)) / look.temperature)
            unsure = (exponentials / exponentials.sum(-1, keepdims=True)).max(-1) < look.threshold
            once, again = look.macs(table)
            self.assertLessEqual((once + again * unsure.mean()) / table.full_macs, budget + 1e-9)
            answers = np.where(unsure, second.argmax(-1), first.argmax(-1))
            dearer = fit_temperature(second, LABELS)
            scaled = np.where(unsure[:, None], second / dearer, first / look.temperature)
            # Whether they are right, and their probabilities, in equal parts.
            sure = tf.nn.softmax(scaled).numpy().max(-1)
            self.assertAllClose(((answers == LABELS).mean() + sure.mean()) / 2, accuracy)
        self.assertAllEqual(found.accuracies, sorted(found.accuracies))
        self.assertTrue(any(look.threshold for look in self.found.looks))


class FitTemperatureTest(tf.test.TestCase):
    def test_it_has_the_least_cross_entropy(self):
        generator = np.random.default_rng(0)
        logits = generator.normal(size=(500, 4)) * 3
        labels = np.array([generator.choice(4, p=p) for p in tf.nn.softmax(logits / 2).numpy()])
        found = fit_temperature(logits, labels)

        def cross_entropy(temperature):
            of_each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits / temperature)
            return float(tf.reduce_mean(of_each))

        self.assertLess(cross_entropy(found), cross_entropy(found * 1.01))
        self.assertLess(cross_entropy(found), cross_entropy(found / 1.01))
        self.assertAllClose(found, 2.0, rtol=0.2)

    def test_answers_that_are_never_wrong_have_a_bound(self):
        self.assertAllClose(fit_temperature(np.eye(3), np.arange(3)), 1 / 20, rtol=1e-3)


class CalibrateSecondLooksTest(tf.test.TestCase):
    def test_of_some_tasks_by_their_own_search(self):
        network = randomise(ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4))
        answers = answers_by_split(network, validation=12)
        calibrate_second_looks(answers, {"grey": 6, "colour": 0})
        self.assertEqual(list(network.second_looks), ["grey"])
        uniform = {(level,) * 3 for level in range(4)}
        used = {look.first for look in network.second_looks["grey"].looks}
        chosen = network.selector(answers.batches_of("grey", "validation")[0][0], task="grey")
        self.assertLessEqual(used, uniform | set(map(tuple, chosen.numpy().argmax(-1))))
        calibrate_second_looks(answers, 0, ["grey"])
        self.assertEmpty(network.second_looks)
