"""Tests of a network without a selector, from its training to its exports."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.answers import AnswersBySplit
from elastic_tf.evaluation.budget_curve import validation_figures
from elastic_tf.evaluation.budgets import calibrate_network, settle_target
from elastic_tf.evaluation.second_looks import calibrate_second_looks
from elastic_tf.evaluation.task_evaluation import evaluate_network
from elastic_tf.inference.frozen_network import FrozenNetwork, PortableNetwork
from elastic_tf.models.no_selector import NoSelector
from elastic_tf.report.analysis import analyse
from elastic_tf.report.tables import format_results, result_gains, result_rows
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import StageSchedule
from tests import testing
from tests.testing import TASKS, random_batch, random_images, randomise

GREY = {"grey": TASKS["grey"]}


class NoSelectorTest(testing.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.network = DeepElasticNetwork(
            GREY, backbone="wrn-8-1", trunk_size=4, selector_kind="none"
        )
        randomise(self.network.estimator)
        stages = StageSchedule(2, rounds=0)
        self.network.compile(stages, MethodSettings(target_macs=0.5), run_eagerly=True)

    def _batches(self, task, split):
        return [tuple(map(np.asarray, random_batch(batch=40, seed=len(split))[task]))]

    def test_every_image_is_on_the_full_model(self):
        images = random_images("grey", 5)
        full = self.network.estimator(images, task="grey")
        for predict in (
            lambda images: self.network(images, task="grey", return_levels=True),
            FrozenNetwork(self.network, "grey"),
            PortableNetwork(self.network, "grey"),
        ):
            answer = predict(images)
            self.assertAllEqual(answer["levels"], np.full((5, 3), 3))
            self.assertAllClose(answer["logits"], full, rtol=1e-4, atol=1e-4)
        self.assertEqual(self.network.cost_table("grey").selector_macs, 0)
        self.assertEqual(self.network.count_params(), self.network.estimator.count_params() + 3)

    def test_it_trains_and_is_saved(self):
        before = self.network.estimator.blocks[0].conv1.kernel.numpy()
        self.network.fit(tf.data.Dataset.from_tensors(random_batch(("grey",))).repeat(2), verbose=0)
        self.assertNotAllEqual(self.network.estimator.blocks[0].conv1.kernel, before)
        path = self.get_temp_dir() + "/network.keras"
        self.network.save(path)
        loaded = keras.saving.load_model(path)
        images = random_images("grey")
        self.assertIsInstance(loaded.selector, NoSelector)
        self.assertAllEqual(loaded(images, task="grey"), self.network(images, task="grey"))

    def test_a_selector_s_turn_is_refused(self):
        for stages in (None, StageSchedule(2, rounds=1)):
            with self.assertRaisesRegex(ValueError, "`stages` must have rounds=0 .* Received: r"):
                self.network.compile(stages)

    def test_a_second_look_alone_keeps_to_budgets(self):
        answers = AnswersBySplit(self.network, self._batches)
        self.assertEqual(settle_target(self.network, self._batches), {})
        calibrate_network(answers)
        self.assertEqual(self.network.calibrations, {})
        calibrate_second_looks(answers, 20)
        images = random_images("grey", 5)
        self.assertIn("seen_twice", self.network.predict({"grey": images}, True, 0.5)["grey"])
        with self.assertRaisesRegex(ValueError, "calibration"):
            self.network.predict({"grey": images}, budget=0.5, policy="selector")
        self.network.step.assign(2)
        figures = validation_figures(answers)
        self.assertTrue(figures["is_whole_training"])
        self.assertEqual(figures["tasks"]["grey"]["budgets"], [])
        results = evaluate_network(answers, search_evaluations=20)
        self.assertNotIn("budget_gains", results["grey"])
        self.assertNotEmpty(results["grey"]["second_look"])
        self._check_texts(results)
        (routing,) = analyse(self.network, self._batches, results=results).routings
        self.assertEqual(routing.seen.look, self.network.second_look("grey", 0.5))

    def _check_texts(self, results):
        names = [name for name, *_ in result_rows(results["grey"])]
        everywhere = [f"level {level} everywhere" for level in range(3)]
        self.assertEqual(names, ["full model", *everywhere])
        names = [name for name, _ in result_gains(results["grey"])]
        self.assertEqual(names, ["fixed models by a second look, mean over budgets"])
        self.assertNotIn("selector", format_results(results))
