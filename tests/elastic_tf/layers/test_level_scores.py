"""Tests of the scores of levels."""

import re

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.level_scores import FEATURES, LevelScores
from tests import testing
from tests.testing import normal, randomise

CLASSES = {"a": 5, "b": 3}
INIT_KWARGS = {"num_classes": CLASSES, "num_blocks": 2, "num_levels": 3, "momentum": 0.5}


def make_layer(features, **kwargs):
    layer = LevelScores(**INIT_KWARGS, features=features, **kwargs)
    layer.build((None, 4))
    return randomise(layer)


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def normalised(norm, vectors, task):
    mean, variance = (np.array(of[task]) for of in (norm.moving_means, norm.moving_variances))
    return norm.gamma.numpy() * (vectors - mean) / np.sqrt(variance + 1e-3) + norm.beta.numpy()


class LevelScoresTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.pooled = normal(6, 4)

    def test_pooled_features_have_one_linear_layer_for_all_tasks(self):
        layer = make_layer("pooled")
        kernel, bias = (weight.numpy() for weight in layer.linear.weights)
        for task in CLASSES:
            scores, guess = layer(self.pooled, task=task)
            self.assertAllClose(scores, (self.pooled @ kernel + bias).reshape(6, 2, 3), atol=1e-5)
            self.assertIsNone(guess)
        self.assertLen(layer.weights, 2)

    def test_normalised_features_and_offsets_of_the_task(self):
        layer = make_layer("normalised")
        kernel = layer.linear.kernel.numpy()
        for task in CLASSES:
            scores, guess = layer(self.pooled, task=task)
            expected = normalised(layer.norm, self.pooled, task) @ kernel + layer.offsets[task]
            self.assertAllClose(scores, tf.reshape(expected, (6, 2, 3)), atol=1e-5)
            self.assertIsNone(guess)

    @parameterized.parameters(*CLASSES)
    def test_confidence_moves_the_scores(self, task):
        layer = make_layer("confident")
        scores, guess = layer(self.pooled, task=task)
        pooled = normalised(layer.norm, self.pooled, task)
        kernel, bias = (weight.numpy() for weight in layer.guesses[task].weights)
        logits = pooled @ kernel + bias
        self.assertAllClose(guess, logits, atol=1e-5)
        p = np.sort(softmax(logits), axis=-1)[:, ::-1]
        entropy = -(p * np.log(p)).sum(axis=-1) / np.log(CLASSES[task])
        sureness = np.stack([p[:, 0], p[:, 0] - p[:, 1], entropy], axis=-1)
        sureness = normalised(layer.confidence_norm, sureness, task)
        expected = pooled @ layer.linear.kernel.numpy() + layer.offsets[task].numpy()
        expected += sureness @ layer.confidence.kernel.numpy()
        self.assertAllClose(scores, expected.reshape(6, 2, 3), atol=1e-4)

    @parameterized.parameters("normalised", "confident")
    def test_at_first_all_images_prefer_the_full_model_alike(self, features):
        layer = LevelScores(CLASSES, 2, 3, features=features)
        layer.build((None, 4))
        for task in CLASSES:
            scores, _ = layer(self.pooled, task=task)
            self.assertAllClose(scores, np.tile([0, 0.75, 1.5], (6, 2, 1)))

    def test_the_guess_learns_from_labels_alone(self):
        layer = make_layer("confident")
        with tf.GradientTape() as tape:
            scores, _ = layer(self.pooled, task="a")
            loss = tf.reduce_sum(scores**2)
        of_guess = tape.gradient(loss, [w.value for w in layer.guesses["a"].weights])
        self.assertEqual(of_guess, [None, None])

    @parameterized.parameters(*FEATURES)
    def test_scores_of_its_own_are_as_if_the_task_were_alone(self, features):
        layer = make_layer(features, own_scores=["a"], name="scores")
        values = {weight.path: weight.numpy() for weight in layer.weights}
        for task, own in (("a", "a_"), ("b", "")):
            alone = make_layer(features, name="scores")
            for weight in alone.weights:
                weight.assign(values[re.sub("(linear|confidence)/", rf"{own}\1/", weight.path)])
            expected = alone(self.pooled, task=task)[0]
            self.assertAllClose(layer(self.pooled, task=task)[0], expected, atol=1e-5)
            self.assertEqual(layer.macs(task), alone.macs(task))

    @parameterized.product(features=FEATURES, own_scores=[(), ("a",)])
    def test_variables_of_a_task_are_those_it_uses(self, features, own_scores):
        layer = make_layer(features, own_scores=own_scores)
        with tf.GradientTape() as tape:
            scores, guess = layer(self.pooled, task="a", training=True)
            loss = tf.reduce_sum(scores**2) + (0 if guess is None else tf.reduce_sum(guess**2))
        variables = layer.trainable_variables
        gradients = tape.gradient(loss, [v.value for v in variables])
        used = {v.path for v, of in zip(variables, gradients, strict=True) if of is not None}
        self.assertEqual({v.path for v in layer.task_variables("a")}, used)

    @parameterized.parameters("normalised", "confident")
    def test_offsets_are_shifted_for_a_task(self, features):
        layer = make_layer(features)
        amounts = np.arange(6.0).reshape(2, 3)
        before = {task: layer(self.pooled, task=task)[0] for task in CLASSES}
        layer.shift_offsets("a", amounts)
        self.assertAllClose(layer(self.pooled, task="a")[0], before["a"] - amounts, atol=1e-5)
        self.assertAllEqual(layer(self.pooled, task="b")[0], before["b"])

    def test_pooled_features_have_no_offsets_to_shift(self):
        with self.assertRaisesRegex(ValueError, "`features` must not be 'pooled'"):
            make_layer("pooled").shift_offsets("a", np.zeros((2, 3)))

    @parameterized.parameters(("pooled", 24), ("normalised", 24), ("confident", 24 + 20 + 18))
    def test_macs_by_hand(self, features, expected):
        self.assertEqual(make_layer(features).macs("a"), expected)

    def test_config_and_bad_arguments(self):
        self.run_config_test(LevelScores, INIT_KWARGS | {"features": "normalised"})
        self.run_config_test(LevelScores, INIT_KWARGS | {"own_scores": ("b",)})
        self.run_refusal_test(LevelScores, INIT_KWARGS, "features", "raw")
        self.run_refusal_test(LevelScores, INIT_KWARGS, "own_scores", ("c",))
