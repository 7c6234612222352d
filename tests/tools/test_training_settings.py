"""Tests of the settings of a training."""

from elastic_tf_tools.training_settings import TrainingSettings

import tensorflow as tf

import elastic_tf
import pipelines


class SearchEvaluationsTest(tf.test.TestCase):
    def _evaluations(self, wanted=None, data=None, **schedule):
        settings = TrainingSettings(
            data=pipelines.DataSettings(
                **{"batch_size": {"digits": 32, "fashion_mnist_small": 64}} | (data or {})
            ),
            schedule=elastic_tf.StageSchedule(1, **{"rounds": 3, "selector_steps": 200} | schedule),
            method=elastic_tf.MethodSettings(samples_per_image=4),
        )
        return settings.search_evaluations(wanted, settings.data.task_specs())

    def test_as_many_images_as_the_selector_was_trained_on(self):
        # Of 1,197 digits and 8,000 clothes for training a tenth is held out.
        expected = {"digits": 600 * 32 * 4 / 119.7, "fashion_mnist_small": 600 * 64 * 4 / 800}
        self.assertAllClose(self._evaluations(), expected, rtol=0.01)

    def test_but_not_too_few(self):
        self.assertEqual(set(self._evaluations(selector_steps=1).values()), {120})
        self.assertEqual(set(self._evaluations(rounds=0).values()), {120})

    def test_a_number_that_is_given_holds(self):
        self.assertEqual(set(self._evaluations(7).values()), {7})
        self.assertEqual(set(self._evaluations(0).values()), {0})

    def test_without_images_held_out_there_is_no_search(self):
        for wanted in (None, 7):
            found = self._evaluations(wanted, data={"validation_share": 0.0})
            self.assertEqual(set(found.values()), {0})
