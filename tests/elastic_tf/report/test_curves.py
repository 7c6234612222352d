"""Tests of what is read from a training's logs."""

import pathlib
import tempfile

import keras
import tensorflow as tf

from elastic_tf.report.curves import read_curves
from elastic_tf.training.callbacks import StepLog


class Counting(keras.Model):
    """Counts its steps and answers 0."""

    def __init__(self):
        super().__init__()
        self.step = self.add_weight(shape=(), dtype="int64", initializer="zeros", name="step")

    def call(self, images):
        return 0.0 * images

    def train_step(self, data):
        self.step.assign_add(1)
        return {"cat_accuracy": tf.cast(self.step, tf.float32)}

    def test_step(self, data):
        return {"cat_accuracy": 10.0 * tf.cast(self.step, tf.float32)}


class CurvesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.logs = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _fit(self, callbacks):
        model = Counting()
        model.compile()
        data = tf.data.Dataset.from_tensors(tf.zeros((2, 1))).repeat()
        arguments = {"steps_per_epoch": 3, "epochs": 2, "verbose": 0, "shuffle": False}
        model.fit(data, validation_data=data.take(1), callbacks=callbacks, **arguments)
        return read_curves(self.logs)

    def test_curves_are_by_training_step(self):
        curves = self._fit([StepLog(), keras.callbacks.TensorBoard(self.logs)])
        self.assertEqual(curves["train"]["cat_accuracy"], [(3, 3.0), (6, 6.0)])
        self.assertEqual(curves["validation"]["cat_accuracy"], [(3, 30.0), (6, 60.0)])
        self.assertNotIn("step", curves["train"])

    def test_logs_without_steps_have_no_curves(self):
        curves = self._fit([keras.callbacks.TensorBoard(self.logs)])
        self.assertEqual(curves["validation"]["cat_accuracy"], [])

    def test_a_run_without_logs(self):
        self.assertEqual(read_curves(self.logs / "none"), {"train": {}, "validation": {}})
