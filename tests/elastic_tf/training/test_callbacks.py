"""Tests of callbacks."""

import io
import pathlib
import types

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.training.callbacks import (
    RaiseOnDivergence,
    ResumableCheckpoint,
    StageProgress,
    StopAtStep,
    save_atomically,
)
from elastic_tf.training.stages import StageSchedule


class CheckpointTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.get_temp_dir()) / "checkpoint.keras"
        self.model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        self.model.compile("sgd", "mse")

    def test_it_saves_every_so_many_steps_and_at_the_end(self):
        steps = []
        callback = ResumableCheckpoint(self.path, every_steps=2)
        spy = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: steps.append(self.path.exists())
        )
        self.model.fit(
            np.ones((5, 2)), np.ones((5, 1)), batch_size=1, callbacks=[callback, spy], verbose=0
        )
        self.assertEqual(steps, [False, True, True, True, True])
        loaded = keras.saving.load_model(self.path)
        self.assertAllEqual(loaded.get_weights()[0], self.model.get_weights()[0])

    def test_a_failed_save_leaves_the_old_file(self):
        save_atomically(self.model, self.path)
        before = self.path.read_bytes()

        def broken(path):
            pathlib.Path(path).write_bytes(b"half a")
            raise OSError("disk full")

        self.model.save = broken
        with self.assertRaisesRegex(OSError, "disk full"):
            save_atomically(self.model, self.path)
        self.assertEqual(self.path.read_bytes(), before)

    def test_bad_interval_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`every_steps` must be an integer >= 1"):
            ResumableCheckpoint(self.path, 0)


class RaiseOnDivergenceTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.callback = RaiseOnDivergence()
        step = keras.Variable(7, dtype="int64", trainable=False)
        self.callback.set_model(types.SimpleNamespace(step=step))

    def test_numbers_pass(self):
        self.callback.on_train_batch_end(0, {"birds_loss": 1.5, "birds_accuracy": 0.0})

    @parameterized.parameters(float("nan"), float("inf"))
    def test_others_are_named(self, value):
        with self.assertRaisesRegex(FloatingPointError, f"step 7.*Received: birds_loss={value}"):
            self.callback.on_train_batch_end(0, {"birds_loss": value})


class StopAtStepTest(tf.test.TestCase):
    def test_training_stops_within_the_epoch(self):
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.step = keras.Variable(0, dtype="int64", trainable=False)
        count = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: model.step.assign_add(1)
        )
        data = tf.data.Dataset.from_tensors((tf.ones((1, 1)), tf.ones((1, 1)))).repeat()
        model.fit(data, steps_per_epoch=4, epochs=9, verbose=0, callbacks=[count, StopAtStep(6)])
        self.assertEqual(int(model.step.numpy()), 6)


class Terminal(io.StringIO):
    def isatty(self):
        return True


class StageProgressTest(tf.test.TestCase):
    def _lines(self, step, stream=None, **logs):
        stream = stream or io.StringIO()
        progress = StageProgress(["birds"], total_steps=10, stream=stream)
        model = types.SimpleNamespace(
            step=keras.Variable(step, dtype="int64", trainable=False),
            stages=StageSchedule(4, rounds=2, selector_steps=2, estimator_steps=2),
        )
        progress.set_model(model)
        figures = {"loss": 0.5, "accuracy": 0.75, "reward": 1.2, "density": 0.3}
        logs |= {f"birds_{name}": value for name, value in figures.items()}
        progress.on_train_batch_end(0, logs)
        progress.on_epoch_end(0, logs)
        return stream.getvalue()

    def test_the_initial_stage_shows_the_estimator(self):
        self.assertStartsWith(self._lines(4), "4/10 initial: birds loss 0.500 accuracy 0.750")

    def test_a_selector_stage_shows_its_reward(self):
        text = self._lines(5)
        self.assertStartsWith(text, "5/10 round 1 selector: birds reward 1.200 density 0.300")

    def test_validation_compares_selector_and_full_model(self):
        validation = {
            "val_birds_accuracy": 0.8,
            "val_birds_full_accuracy": 0.9,
            "val_birds_macs_share": 0.4,
        }
        self.assertIn(
            "validation: birds full model 90.0 %, selector 80.0 % at 40 % MACs",
            self._lines(10, **validation),
        )
        self.assertNotIn("selector", self._lines(3, **validation))

    def test_elsewhere_than_on_a_terminal_there_is_a_line_per_epoch(self):
        self.assertEqual(self._lines(4).count("\n"), 1)
        self.assertNotIn("\r", self._lines(4))

    def test_a_terminal_is_rewritten(self):
        text = self._lines(4, stream=Terminal())
        self.assertStartsWith(text, f"\r\033[K[{'=' * 8}{' ' * 12}] 4/10 initial")


if __name__ == "__main__":
    tf.test.main()
