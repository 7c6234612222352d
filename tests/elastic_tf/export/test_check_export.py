"""Tests of the check of an export."""

import types
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.export.check_export import check_export, tolerance
from elastic_tf.inference.frozen_network import FrozenNetwork
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.policies.budget import BudgetCalibration
from elastic_tf.policies.model_choice import ModelChoice
from tests.testing import TASKS, random_images, randomise

FIXED = ModelChoice((1, 0, 2))
MANIFEST = {"input_dtype": "uint8", "quantization": "none", "dynamic": True, "format": "onnx"}


def stand_in(predict, takes_budget=False, **manifest):
    """Returns what `check_export` needs of a `LoadedExport`."""
    return types.SimpleNamespace(
        task="grey", manifest=MANIFEST | manifest, predict=predict, takes_budget=takes_budget
    )


class CheckExportTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)
        randomise(cls.network)
        cls.images = random_images("grey", 70)  # More than are run at once.

    def _answers(self):
        levels = FIXED.of(self.network, "grey")(self.images)
        logits = self.network.estimator(self.images, levels=levels, task="grey")
        return {"probabilities": tf.nn.softmax(logits).numpy(), "levels": levels.numpy()}

    def _check(self, answers, **manifest):
        def predict(images, budget=None):
            self.assertIsNone(budget)
            # Whichever part of the images it is.
            (start,) = np.flatnonzero(np.all(self.images == images[0], axis=(1, 2, 3)))
            return {name: each[start : start + len(images)] for name, each in answers.items()}

        return check_export(stand_in(predict, **manifest), self.network, FIXED, self.images)

    def test_the_same_answers_have_no_difference(self):
        found = self._check(self._answers())
        self.assertLess(found.probabilities, 1e-6)
        self.assertLess(found.logs, 1e-6)

    def test_the_largest_difference_counts_but_for_quantised_models(self):
        answers = self._answers()
        row = np.argmax(answers["probabilities"][:, 1])
        answers["probabilities"][row, 1] -= 0.25
        with self.assertRaisesRegex(ValueError, "network, probabilities to .*Received.*of 0.25"):
            self._check(answers)
        found = self._check(answers, quantization="int8")
        self.assertAllClose(found.probabilities, 0.25, atol=1e-5)

    def test_wrong_logits_are_seen_behind_sure_probabilities(self):
        levels = FIXED.of(self.network, "grey")(self.images)
        logits = self.network.estimator(self.images, levels=levels, task="grey").numpy()
        answers = self._answers()
        sure = np.flatnonzero(np.sort(answers["probabilities"], -1)[:, -2] < 1e-7)
        self.assertNotEmpty(sure)
        logits[sure] *= 1.1
        answers["probabilities"] = tf.nn.softmax(logits).numpy()
        with self.assertRaisesRegex(ValueError, "logarithms .* to 0.0001.*Received"):
            self._check(answers)

    def test_other_levels_are_refused(self):
        answers = self._answers()
        answers["levels"][:] = (1, 1, 2)
        with self.assertRaisesRegex(ValueError, "must give the levels .* others for 70 of 70"):
            self._check(answers)
        # A quantised export is compared at its own levels.
        logits = self.network.estimator(self.images, levels=answers["levels"], task="grey")
        answers["probabilities"] = tf.nn.softmax(logits).numpy()
        found = self._check(answers, quantization="bfloat16")
        self.assertEqual(found.other_levels, 1.0)
        self.assertLess(found.probabilities, 1e-6)

    @parameterized.parameters(
        ("onnx", True, 3e-5), ("litert", True, 3e-5), ("saved_model", True, 1e-5)
    )
    def test_runtimes_that_route_may_differ_more(self, export_format, dynamic, expected):
        manifest = {"format": export_format, "dynamic": dynamic}
        self.assertEqual(tolerance(manifest), expected)
        self.assertEqual(tolerance(manifest | {"dynamic": False}), 1e-5)
        self.assertEqual(tolerance(manifest, spread=8.0), expected)
        self.assertAllClose(tolerance(manifest, spread=25.0), 2.5 * expected)

    @parameterized.parameters(("bilinear", True), ("nearest", False), ("area", False))
    def test_images_of_another_size_are_checked_where_any_is_taken(self, method, is_right):
        sizes = set()

        def predict(images, budget=None):
            sizes.add(images.shape[1:3])
            if images.shape[1:3] != (8, 8):
                images = tf.image.resize(images, (8, 8), method)
            levels = FIXED.of(self.network, "grey")(images)
            logits = self.network.estimator(images, levels=levels, task="grey")
            return {"probabilities": tf.nn.softmax(logits).numpy(), "levels": levels.numpy()}

        def check(**manifest):
            return check_export(stand_in(predict, **manifest), self.network, FIXED, self.images)

        check()
        self.assertEqual(sizes, {(8, 8)})
        if is_right:
            self.assertLess(check(any_image_size=True).probabilities, 1e-6)
        else:
            with self.assertRaisesRegex(ValueError, "must answer as the network.*Received"):
                check(any_image_size=True)
        self.assertEqual(sizes, {(8, 8), (4, 16)})

    def test_a_budget_is_checked_where_calls_can_name_one(self):
        logits = self.network.selector(self.images, task="grey")
        span = float(tf.reduce_max(logits) - tf.reduce_min(logits))
        calibration = BudgetCalibration([0.2, 0.8], [4 * span, -4 * span])
        with mock.patch.dict(self.network.calibrations, grey=calibration):
            frozen = FrozenNetwork(self.network, "grey")
        budgets = []

        def predict(images, budget=None, shift=0.0):
            if budget is not None:
                budgets.append(budget)
                budget += shift
            answer = frozen(images, budget, "selector")
            probabilities = tf.nn.softmax(answer["logits"]).numpy()
            return {"probabilities": probabilities, "levels": answer["levels"].numpy()}

        with mock.patch.dict(self.network.calibrations, grey=calibration):
            check_export(stand_in(predict, True), self.network, ModelChoice(), self.images)
            self.assertAllClose(budgets, [0.5, 0.5])  # Of two parts of the images.
            wrong = stand_in(lambda images, budget=None: predict(images, budget, 0.3), True)
            with self.assertRaisesRegex(ValueError, "must give the levels of the network"):
                check_export(wrong, self.network, ModelChoice(), self.images)
