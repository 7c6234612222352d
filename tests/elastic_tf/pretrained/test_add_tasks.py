"""Tests of adding tasks to a trained network."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.policies.budget import BudgetCalibration
from elastic_tf.pretrained.add_tasks import add_tasks
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import StageSchedule
from tests import testing
from tests.testing import TASKS, random_batch, random_images, randomise

NEW = {"colour": TASKS["colour"]}


@pytest.mark.slow
class AddTasksTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.old = self._old()

    def _old(self, selector_kind="network"):
        old = DeepElasticNetwork(
            {"grey": TASKS["grey"]},
            backbone="wrn-8-1",
            ratios=(0.0, 1.0),
            trunk_size=4,
            selector_kind=selector_kind,
        )
        randomise(old.estimator)
        randomise(old.selector)
        old.calibrations = {"grey": BudgetCalibration([0.2, 0.8], [0.5, -0.5])}
        return old

    def _answers(self, network):
        images = random_images("grey")
        choice = {"return_levels": True, "budget": 0.5, "policy": "selector"}
        found = network({"grey": images}, **choice)["grey"]
        return [*found.values(), network.estimator(images, task="grey")]

    def test_old_tasks_have_the_same_answers_and_new_ones_start_with_theirs(self):
        grown = add_tasks(self.old, NEW)
        for ours, theirs in zip(self._answers(grown), self._answers(self.old), strict=True):
            self.assertAllEqual(ours, theirs)
        stems = grown.estimator.stems
        kernel = np.asarray(stems["colour"].conv.kernel)
        self.assertAllClose(kernel.sum(axis=2), np.asarray(stems["grey"].conv.kernel)[:, :, 0])
        norm = grown.estimator.blocks[0].norm1
        self.assertAllEqual(norm.moving_means["colour"], norm.moving_means["grey"])
        scores = grown.selector.scores
        self.assertAllEqual(scores.offsets["colour"], scores.offsets["grey"])
        self.assertIs(scores.linear_of("grey"), scores.linear)
        for of in (scores.linear_of, scores.confidence_of):
            self.assertAllEqual(of("colour").kernel, of("grey").kernel)
        of_grey, of_colour = (grown.estimator.heads[task].linear for task in ("grey", "colour"))
        self.assertEqual((of_grey.units, of_colour.units), (3, 4))

    @parameterized.parameters("network", "trunk")
    def test_frozen_tasks_stay_bit_for_bit_while_a_new_one_learns(self, selector_kind):
        if selector_kind != self.old.selector_kind:
            self.old = self._old(selector_kind)
        grown = add_tasks(self.old, NEW)
        before = self._answers(grown)
        own = [w for w in grown.weights if "colour" in w.path and "price" not in w.path]
        values = [np.array(weight) for weight in own]
        method = MethodSettings(freeze="trunk", frozen_tasks=("grey",))
        stages = StageSchedule(1, 2, selector_steps=1, estimator_steps=1)
        grown.compile(stages, method, run_eagerly=True)
        grown.fit(tf.data.Dataset.from_tensors(random_batch()).repeat(4), verbose=0)
        self.assertEqual(int(grown.step), 4)
        for ours, theirs in zip(self._answers(grown), before, strict=True):
            self.assertAllEqual(ours, theirs)
        for weight, old in zip(own, values, strict=True):
            self.assertNotAllEqual(weight, old, weight.path)

    def test_without_new_tasks_it_is_a_copy_to_train_on_with(self):
        again = add_tasks(self.old, {})
        self.assertEqual(int(again.step), 0)
        self.assertIsNot(again.estimator, self.old.estimator)
        for ours, theirs in zip(self._answers(again), self._answers(self.old), strict=True):
            self.assertAllEqual(ours, theirs)

    def test_the_selector_may_be_another_which_starts_anew(self):
        grown = add_tasks(self.old, {}, selector_kind="trunk")
        self.assertEqual(grown.selector_kind, "trunk")
        self.assertEqual(grown.calibrations, {})
        images = random_images("grey")
        for ours, theirs in zip(grown.estimator.weights, self.old.estimator.weights, strict=True):
            self.assertAllEqual(ours, theirs)
        answers = [each.estimator(images, task="grey") for each in (grown, self.old)]
        self.assertAllEqual(*answers)

    def test_frozen_tasks_are_of_the_network(self):
        with self.assertRaisesRegex(ValueError, "`task` must be one of.*Received: task=colour"):
            self.old.compile(method=MethodSettings(frozen_tasks=("colour",)))

    def test_tasks_that_are_there_are_refused(self):
        with self.assertRaisesRegex(ValueError, "`tasks` must not be of grey.*Received: grey"):
            add_tasks(self.old, TASKS)

    def test_it_is_saved_and_goes_on_frozen(self):
        grown = add_tasks(self.old, NEW)
        grown.compile(method=MethodSettings(freeze="trunk", frozen_tasks=("grey",)))
        path = self.get_temp_dir() + "/grown.keras"
        grown.save(path)
        loaded = keras.saving.load_model(path)
        self.assertEqual(loaded.method.frozen_tasks, ("grey",))
        self.assertEmpty(loaded.estimator.blocks[0].trainable_variables)
