"""Callbacks of a training: checkpoints, its end, divergence, progress."""

import math
import pathlib
import sys
import time

import keras

from elastic_tf.files import whole_file
from elastic_tf.models.tasks import check_finite
from elastic_tf.settings import check_integer
from elastic_tf.training.stages import INITIAL, SELECTOR, STAGE_NAMES


class ResumableCheckpoint(keras.callbacks.Callback):
    """Saves the whole model, optimizers and step counter included, every so many steps.

    What it saves, `keras.saving.load_model` loads, ready for more training. The file is written
    whole or not at all, and never with weights that are infinite or not numbers.

    Args:
        path: str or path ending in `.keras`.
        every_steps: int >= 1. Training steps between two saves.

    Raises:
        ValueError: if `every_steps` is out of range.
        FloatingPointError: in training, in place of a save, if a weight is not finite.
    """

    def __init__(self, path, every_steps):
        super().__init__()
        self.path = pathlib.Path(path)
        self.every_steps = check_integer("every_steps", every_steps, 1)
        self._steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self._steps += 1
        if self._steps % self.every_steps == 0:
            self._save()

    def on_train_end(self, logs=None):
        self._save()

    def _save(self):
        _check_weights(self.model)
        with whole_file(self.path) as partial:
            self.model.save(partial)


class RaiseOnDivergence(keras.callbacks.Callback):
    """Raises an error as soon as a figure in the logs, or a weight at the end, is not finite.

    Put it before the checkpoint, so that the last good one stays.

    Raises:
        FloatingPointError: names the figure or the weight, and the step.
    """

    def on_train_batch_end(self, batch, logs=None):
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                raise _diverged(self.model, f"Received: {name}={float(value)}")

    def on_train_end(self, logs=None):
        _check_weights(self.model)


def _check_weights(model):
    try:
        check_finite(model)
    except ValueError as error:
        raise _diverged(model, error) from None


def _diverged(model, reason):
    return FloatingPointError(
        f"Training diverged at step {int(model.step.numpy())}; a lower `learning_rate` may help. "
        f"{reason}"
    )


class StepLog(keras.callbacks.Callback):
    """Adds `step`, the training steps taken so far, to the logs of every epoch.

    TensorBoard and the like count epochs, whose length may change when a training is resumed.
    It must come before the callbacks that are to see it.
    """

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["step"] = float(self.model.step.numpy())


class StopAtStep(keras.callbacks.Callback):
    """Stops `fit` when the model's step counter reaches a number.

    Args:
        step: int. Steps of the whole training.
    """

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.step.numpy()) >= self.step:
            self.model.stop_training = True


# Shown for each task, by the network that trains.
_ESTIMATOR_FIGURES = ("loss", "accuracy")
_SELECTOR_FIGURES = ("reward", "density")
_BAR_WIDTH = 20
_SECONDS = 0.5  # Between two lines on a terminal.


class StageProgress(keras.callbacks.Callback):
    """Prints stage, step, each task's figures, speed and time left of a `DeepElasticNetwork`.

    On a terminal the line, with a bar, is rewritten as the training goes; elsewhere there is one
    line per epoch.

    Args:
        tasks: iterable of str. Defaults to the network's.
        total_steps: int, the step at which the training will stop. Defaults to the schedule's.
        stream: text stream. Defaults to standard output.
    """

    def __init__(self, tasks=None, total_steps=None, stream=None):
        super().__init__()
        self.tasks = tasks
        self.total_steps = total_steps
        self.stream = stream or sys.stdout
        self._shown = 0.0
        self._began = None

    def set_model(self, model):
        super().set_model(model)
        self.tasks = list(model.tasks if self.tasks is None else self.tasks)
        self.total_steps = self.total_steps or model.stages.total_steps

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        if self._began is None:  # The first step builds the graph; it says nothing of the speed.
            self._began, self._first_step = now, self._step()
        if self.stream.isatty() and now - self._shown > _SECONDS:
            self._shown = now
            self._write(f"\r\033[K{self._bar()} {self._line(logs)}")

    def on_epoch_end(self, epoch, logs=None):
        start = "\r\033[K" if self.stream.isatty() else ""
        self._write(f"{start}{self._line(logs)}{self._validation(logs)}\n")

    def _write(self, text):
        self.stream.write(text)
        self.stream.flush()

    def _line(self, logs):
        step, stage = self._step(), self._stage()
        name = STAGE_NAMES[int(stage.kind)]
        if stage.kind != INITIAL:
            name = f"round {int(stage.round) + 1} {name}"
        figures = _SELECTOR_FIGURES if stage.kind == SELECTOR else _ESTIMATOR_FIGURES
        values = "; ".join(
            f"{task} " + " ".join(f"{f} {float(logs[f'{task}_{f}']):.3f}" for f in figures)
            for task in self.tasks
            if f"{task}_{figures[0]}" in logs  # Frozen tasks have none.
        )
        return f"{step}/{self.total_steps} {name}: {values}{self._pace(step)}"

    def _bar(self):
        filled = _BAR_WIDTH * self._step() // self.total_steps
        return f"[{'=' * filled}{' ' * (_BAR_WIDTH - filled)}]"

    def _validation(self, logs):
        parts = []
        for task in self.tasks:
            if f"val_{task}_accuracy" not in logs:
                continue
            accuracy, full, macs = (
                100 * logs[f"val_{task}_{figure}"]
                for figure in ("accuracy", "full_accuracy", "macs_share")
            )
            part = f"{task} full model {full:.1f} %"
            if self._stage().kind != INITIAL:  # Before, the selector is untrained.
                part += f", selector {accuracy:.1f} % at {macs:.0f} % MACs"
            parts.append(part)
        return f" | validation: {'; '.join(parts)}" if parts else ""

    def _pace(self, step):
        taken = step - self._first_step
        seconds = time.monotonic() - self._began
        if not taken or not seconds:
            return ""
        left = (self.total_steps - step) * seconds / taken
        return f" | {taken / seconds:.1f} steps/s, {left / 60:.1f} min left"

    def _stage(self):
        return self.model.stages(max(0, self._step() - 1))  # The stage of the step just taken.

    def _step(self):
        return int(self.model.step.numpy())
