"""Tests of callbacks of steps and progress."""

import io
import types

import keras
from absl.testing import parameterized

from elastic_tf.training.callbacks import StageProgress, StepLog, StopAtStep
from elastic_tf.training.stages import StageSchedule
from tests import testing


def stand_in(step):
    """Returns what callbacks ask of a `DeepElasticNetwork` with two rounds, 10 steps, one task."""
    return types.SimpleNamespace(
        step=keras.Variable(step, dtype="int64", trainable=False),
        stages=StageSchedule(4, rounds=2, selector_steps=2, estimator_steps=2),
        tasks={"birds": {}},
    )


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
