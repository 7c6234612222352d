"""Tests of answers."""

import copy
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation import answers as answers_module
from elastic_tf.evaluation.answers import Answers
from tests.elastic_tf.evaluation.small_answers import (
    IMAGES,
    LABELS,
    accuracy,
    answers_by_split,
    random_split,
    selector_logits,
    small_answers,
    small_network,
)


class AnswersTest(tf.test.TestCase, parameterized.TestCase):
    def test_logits_and_labels_are_those_of_all_images(self):
        answers = small_answers()
        self.assertLen(answers, 24)
        self.assertAllEqual(answers.labels, LABELS)
        expected = selector_logits(small_network())
        self.assertAllClose(answers.logits, expected, rtol=1e-4, atol=1e-3)

    @parameterized.parameters(None, 0.3, 0.7)
    def test_the_choice_keeps_to_a_budget(self, budget):
        network = small_network()
        expected = network.select_levels(IMAGES, "grey", budget)
        self.assertAllEqual(small_answers().choose(budget), expected)

    @parameterized.parameters(
        ([1, 0, 3],), (np.random.default_rng(0).integers(0, 4, (24, 3)),), ([[2, 2, 2]] * 24,)
    )
    def test_every_image_is_on_its_own_model(self, levels):
        self.assertAllClose(small_answers().are_right(levels).mean(), accuracy(levels))

    def test_a_model_is_run_once_for_all_who_ask(self):
        answers = small_answers().on([(IMAGES[:9], LABELS[:9])])
        right, confidence = answers.of_model([1, 0, 3])
        logits = small_network().estimator(IMAGES[:9], levels=[[1, 0, 3]] * 9, task="grey").numpy()
        exponentials = np.exp(logits - logits.max(-1, keepdims=True))
        expected = exponentials.max(-1) / exponentials.sum(-1)
        self.assertAllEqual(right, logits.argmax(-1) == LABELS[:9])
        self.assertAllClose(confidence, expected, rtol=1e-4)
        with mock.patch.object(answers, "class_logits", side_effect=AssertionError):
            self.assertIs(answers.of_model(np.array([1, 0, 3]))[0], right)
            with self.assertRaises(AssertionError):
                answers.of_model([1, 0, 2])
        self.assertLen(answers.on([(IMAGES[:4], LABELS[:4])]).of_model([1, 0, 3])[0], 4)

    def test_ranks_are_places_among_the_classes(self):
        logits = np.array([[3, 1, 2], [1, 1, 1], [2, 5, 2]], np.float32)
        answers = copy.copy(small_answers())
        for labels, expected in (
            ([0, 0, 1], [0, 0, 0]),
            ([1, 2, 0], [2, 2, 1]),
            ([2] * 3, [1, 2, 2]),
        ):
            answers.labels = np.array(labels)
            with mock.patch.object(answers, "class_logits", return_value=logits):
                self.assertAllEqual(answers.ranks([3, 3, 3]), expected)
                right = logits.argmax(axis=-1) == labels
                self.assertAllEqual(answers.are_right([3, 3, 3]), right)

    def test_a_budget_needs_a_calibration_and_a_range(self):
        with self.assertRaisesRegex(ValueError, r"`budget` must be a number in \(0, 1\]"):
            small_answers().choose(1.5)
        answers = answers_by_split(small_network(), test=2).on("colour", "test")
        with self.assertRaisesRegex(ValueError, "`budget` must be None.*task=colour"):
            answers.choose(0.5)

    @parameterized.parameters(np.float64, np.uint16)
    def test_pixels_are_taken_as_they_are(self, dtype):
        # Of another scale than 0..255, as a network may be given.
        images = (IMAGES * 3.5).astype(dtype)
        answers = small_answers().on([(images, LABELS)])
        expected = selector_logits(small_network(), images.astype(np.float32))
        self.assertAllClose(answers.logits, expected, rtol=1e-4, atol=1e-3)
        levels = np.full((24, 3), 2, np.int32)
        expected = small_network().estimator(images, levels=levels, task="grey")
        self.assertAllClose(answers.class_logits(levels), expected, rtol=1e-3, atol=1e-3)

    def test_images_that_were_scaled_are_named(self):
        with self.assertWarnsRegex(UserWarning, "task 'grey' must have pixels in 0..255"):
            small_answers().on([(IMAGES / 255, LABELS)])

    @parameterized.parameters(
        ([3] * 24, r"shape=\(24,\), from 0 to 3"),
        ([0.5] * 24, "to 0.5"),
        (np.eye(3)[[0] * 24], r"shape=\(24, 3\)"),
    )
    def test_labels_of_no_class_are_refused(self, labels, received):
        labels = np.array(labels)
        labels[0] = 0
        with self.assertRaisesRegex(ValueError, f"'grey' must be integers in .*{received}"):
            small_answers().on([(IMAGES, labels)])

    def test_answers_that_are_no_numbers_are_none(self):
        with self.assertRaisesRegex(FloatingPointError, "task 'grey' must be finite.*Received: "):
            small_answers().on([(IMAGES * np.float32(1e36), LABELS)])

    def test_no_images_are_refused(self):
        with self.assertRaisesRegex(ValueError, "at least one image of task 'grey'.*Received"):
            Answers(small_network(), [], "grey")


class AnswersBySplitTest(tf.test.TestCase):
    def test_a_task_is_frozen_once_and_every_split_has_its_own_answers(self):
        network, images = small_network(), {"test": 5, "validation": 3}
        frozen = answers_module.FrozenNetwork
        with mock.patch.object(answers_module, "FrozenNetwork", side_effect=frozen) as counted:
            answers = answers_by_split(network, **images)
            found = {split: answers.on("grey", split) for split in images}
            self.assertIs(answers.on("grey", "test"), found["test"])
            self.assertEqual(counted.call_count, 1)
        for split in images:
            ((pictures, labels),) = random_split(images, "grey", split)
            self.assertAllEqual(found[split].labels, labels)
            expected = selector_logits(network, pictures)
            self.assertAllClose(found[split].logits, expected, rtol=1e-4, atol=1e-3)
