"""Tests of what a choice per image could gain at best."""

import itertools

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.choice_bounds import choice_bounds, fit_linear
from elastic_tf.evaluation.fixed_front import envelope
from elastic_tf.models.elastic_network import ElasticNetwork
from tests.elastic_tf.evaluation.small_answers import (
    BATCHES,
    IMAGES,
    answers_by_split,
    small_answers,
    small_network,
)
from tests.testing import TASKS, randomise

LEVELS = (1, 0, 2)


def macs_share(table, levels):
    """Returns the share of the full model's MACs of a fixed model, summed by hand."""
    macs = sum(table.block_macs[block, level] for block, level in enumerate(levels))
    return (macs + table.fixed_macs) / table.full_macs


class FitLinearTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.generator = np.random.default_rng(0)
        self.inputs = self.generator.normal(size=(60, 5)) * [1, 10, 100, 1, 1] + 3

    def test_what_is_linear_is_found(self):
        weights = self.generator.normal(size=(5, 2))
        found = fit_linear(self.inputs, self.inputs @ weights + 7)
        others = self.generator.normal(size=(9, 5))
        self.assertAllClose(found(others), others @ weights + 7, rtol=1e-3, atol=1e-2)

    def test_of_noise_little_more_than_the_mean_is_left(self):
        noise = self.generator.normal(size=(60, 1))
        found = fit_linear(self.inputs, noise)(self.inputs)
        self.assertLess(np.std(found), 0.2 * np.std(noise))

    def test_the_penalty_is_the_best_of_rows_left_out(self):
        """By hand: each row left out in turn, of a ridge of every penalty."""
        inputs = (self.inputs - self.inputs.mean(0)) / self.inputs.std(0)
        targets = inputs[:, :1] + self.generator.normal(size=(60, 1))
        fits, errors = [], []
        for penalty in 60 * 10.0 ** np.arange(-5, 3):
            ridge = inputs.T @ inputs + penalty * np.eye(5)
            smoother = inputs @ np.linalg.solve(ridge, inputs.T) + 1 / 60
            fits.append(smoother @ targets)
            missed = (targets - fits[-1])[:, 0] / (1 - np.diag(smoother))
            errors.append(np.mean(missed**2))
        self.assertAllClose(fit_linear(inputs, targets)(inputs), fits[np.argmin(errors)], atol=1e-6)
        self.assertBetween(np.argmin(errors), 1, 6)

    def test_a_feature_that_never_changes_does_no_harm(self):
        inputs = np.concatenate([self.inputs, np.ones((60, 1))], axis=1)
        found = fit_linear(inputs, self.inputs[:, :1])(inputs)
        self.assertAllClose(found, self.inputs[:, :1], rtol=1e-3, atol=1e-2)


class StageFeaturesTest(tf.test.TestCase):
    def test_they_are_what_enters_each_stage(self):
        estimator = small_network().estimator
        features = estimator.stems["grey"](IMAGES)
        expected = []
        for block, level in zip(estimator.blocks, LEVELS, strict=True):
            expected.append(np.mean(features, axis=(1, 2)))
            levels = tf.fill([len(IMAGES)], level)
            features = block(features, levels=levels, task="grey")
        found = small_answers().stage_features(LEVELS)
        self.assertLen(found, 3)
        for of_stage, of_block in zip(found, expected, strict=True):
            self.assertAllClose(of_stage, of_block, rtol=1e-4, atol=1e-4)
        self.assertLen(BATCHES, 2)


class ChoiceBoundsTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        network = randomise(
            ElasticNetwork(TASKS, backbone="wrn-8-1", ratios=(0.0, 0.5, 1.0), trunk_size=4)
        )
        cls.answers = answers_by_split(network, validation=40, test=60)
        cls.found = choice_bounds(cls.answers, "grey", 27, budgets=(0.4, 0.7))

    def test_everything_that_may_be_seen_is_held_against_the_front(self):
        names = ["labels", "stage_1", "stage_2", "stage_3", "answer"]
        for point, budget in zip(self.found["budgets"], (0.4, 0.7), strict=True):
            self.assertEqual((point["budget"], list(point["seen"])), (budget, names))
            for seen in point["seen"].values():
                self.assertBetween(seen["macs_share"], 0, budget + 1e-9)
                self.assertEqual(set(seen["gain_over_front"]), {"points", "low", "high"})
        self.assertLess(abs(self.found["cheap"]["macs_share"] - 1 / 3), 0.15)

    def test_who_knows_the_labels_has_the_least_loss_at_the_price(self):
        """By trying all corners on every image, at prices from low to high."""
        held_out, test = (self.answers.on("grey", split) for split in ("validation", "test"))
        every = list(itertools.product(range(3), repeat=3))  # As many as are tried.
        points = [(macs_share(test.table, m), held_out.are_right(m).mean()) for m in every]
        models = [every[index] for index in envelope(points)]
        logits = np.stack([test.class_logits(levels) for levels in models])
        labels = np.broadcast_to(test.labels, logits.shape[:2])
        losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        losses, shares = np.asarray(losses).T, np.array([macs_share(test.table, m) for m in models])
        right = logits.argmax(-1).T == test.labels[:, np.newaxis]
        best = 0.0
        for price in np.concatenate([[0], np.geomspace(1e-3, 1e4, 3000)]):
            models_of = np.argmin(losses + price * shares, axis=1)
            if shares[models_of].mean() <= 0.4:
                best = right[np.arange(len(right)), models_of].mean()
                break
        found = self.found["budgets"][0]["seen"]["labels"]
        self.assertAllClose(found["accuracy"], best, atol=0.02)
        self.assertGreater(found["gain_over_front"]["low"], 5)


if __name__ == "__main__":
    tf.test.main()
