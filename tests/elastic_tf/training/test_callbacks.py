"""Tests of callbacks."""

import io
import pathlib
import types

import keras
import numpy as np
from absl.testing import parameterized

from elastic_tf.training.callbacks import (
    RaiseOnDivergence,
    ResumableCheckpoint,
    StageProgress,
    StepLog,
    StopAtStep,
)
from elastic_tf.training.stages import StageSchedule
from tests import testing


def stand_in(step):
    """Returns what callbacks ask of a `DeepElasticNetwork` with two rounds, 10 steps, one task."""
    return types.SimpleNamespace(
        step=keras.Variable(step, dtype="int64", trainable=False),
        stages=StageSchedule(4, rounds=2, selector_steps=2, estimator_steps=2),
        tasks={"birds": {}},
    )


class CheckpointTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.get_temp_dir()) / "checkpoint.keras"
        self.path.unlink(missing_ok=True)
        self.model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        self.model.compile("sgd", "mse", run_eagerly=True)

    def _fit(self, *callbacks):
        data = np.ones((5, 2)), np.ones((5, 1))
        self.model.fit(*data, batch_size=1, callbacks=list(callbacks), verbose=0)

    def test_it_saves_every_so_many_steps_and_at_the_end(self):
        steps = []
        spy = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: steps.append(self.path.exists())
        )
        self._fit(ResumableCheckpoint(self.path, every_steps=2), spy)
        self.assertEqual(steps, [False, True, True, True, True])
        loaded = keras.saving.load_model(self.path)
        self.assertAllEqual(loaded.get_weights()[0], self.model.get_weights()[0])

    def test_a_failed_save_leaves_the_old_file(self):
        self._fit(ResumableCheckpoint(self.path, every_steps=9))
        before = self.path.read_bytes()

        def broken(path):
            pathlib.Path(path).write_bytes(b"half a")
            raise OSError("disk full")

        self.model.save = broken
        with self.assertRaisesRegex(OSError, "disk full"):
            self._fit(ResumableCheckpoint(self.path, every_steps=2))
        self.assertEqual(self.path.read_bytes(), before)

    def test_weights_that_are_no_numbers_never_replace_a_checkpoint(self):
        self._fit(ResumableCheckpoint(self.path, every_steps=9))
        before = self.path.read_bytes()
        self.model.step = types.SimpleNamespace(numpy=lambda: 8)
        kernel = self.model.layers[0].kernel
        # The loss of the last step, before the update, is a number.
        for spoilt in (np.nan, np.inf):
            spoil = keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs, spoilt=spoilt: kernel.assign(
                    [[1.0], [spoilt if batch == 4 else 1.0]]
                )
            )
            kernel.assign([[1.0], [1.0]])
            with self.assertRaisesRegex(FloatingPointError, "diverged at step 8.*kernel with 1 of"):
                self._fit(RaiseOnDivergence(), spoil, ResumableCheckpoint(self.path, 5))
            self.assertEqual(self.path.read_bytes(), before)

    @parameterized.parameters(0, True)
    def test_bad_interval_is_refused(self, every_steps):
        self.run_refusal_test(ResumableCheckpoint, {"path": self.path}, "every_steps", every_steps)


class RaiseOnDivergenceTest(testing.TestCase):
    @parameterized.parameters(float("nan"), float("inf"))
    def test_what_is_no_number_is_named(self, value):
        callback = RaiseOnDivergence()
        callback.set_model(stand_in(7))
        callback.on_train_batch_end(0, {"birds_loss": 1.5, "birds_accuracy": 0.0})
        with self.assertRaisesRegex(FloatingPointError, f"step 7.*Received: birds_loss={value}"):
            callback.on_train_batch_end(0, {"birds_loss": value})

    def test_a_weight_that_is_none_is_named_at_the_end(self):
        callback, model = RaiseOnDivergence(), stand_in(7)
        model.weights = [keras.Variable([1.0, float("inf")], name="kernel")]
        callback.set_model(model)
        with self.assertRaisesRegex(FloatingPointError, "step 7.*finite.*kernel with 1 of 2"):
            callback.on_train_end()


class StepsTest(testing.TestCase):
    def test_training_stops_within_the_epoch(self):
        callback, model = StopAtStep(6), stand_in(5)
        model.stop_training = False
        callback.set_model(model)
        callback.on_train_batch_end(0)
        self.assertFalse(model.stop_training)
        model.step.assign(6)
        callback.on_train_batch_end(1)
        self.assertTrue(model.stop_training)

    def test_logs_have_the_step(self):
        callback, logs = StepLog(), {}
        callback.set_model(stand_in(5))
        callback.on_epoch_end(0, logs)
        self.assertEqual(logs, {"step": 5.0})


class Terminal(io.StringIO):
    def isatty(self):
        return True


class StageProgressTest(testing.TestCase):
    def _lines(self, step, stream=None, total_steps=None, **logs):
        stream = stream or io.StringIO()
        progress = StageProgress(total_steps=total_steps, stream=stream)
        progress.set_model(stand_in(step))
        figures = {"loss": 0.5, "accuracy": 0.75, "reward": 1.2, "density": 0.3}
        logs |= {f"birds_{name}": value for name, value in figures.items()}
        progress.on_train_batch_end(0, logs)
        progress.on_epoch_end(0, logs)
        return stream.getvalue()

    @parameterized.parameters(
        (4, None, "4/10 initial: birds loss 0.500 accuracy 0.750"),
        (5, None, "5/10 round 1 selector: birds reward 1.200 density 0.300"),
        (7, 8, "7/8 round 1 estimator: birds loss 0.500 accuracy 0.750"),
    )
    def test_a_line_says_who_trains_and_how_well(self, step, total, line):
        text = self._lines(step, total_steps=total)
        self.assertEqual(text, f"{line}\n")

    def test_validation_compares_selector_and_full_model(self):
        figures = {"accuracy": 0.8, "full_accuracy": 0.9, "macs_share": 0.4}
        validation = {f"val_birds_{name}": value for name, value in figures.items()}
        self.assertIn(
            "validation: birds full model 90.0 %, selector 80.0 % at 40 % MACs",
            self._lines(10, **validation),
        )
        self.assertNotIn("selector", self._lines(3, **validation))

    def test_a_terminal_is_rewritten(self):
        text = self._lines(4, stream=Terminal())
        self.assertStartsWith(text, f"\r\033[K[{'=' * 8}{' ' * 12}] 4/10 initial")
