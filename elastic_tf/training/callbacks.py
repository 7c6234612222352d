"""Callbacks of a training: its steps, its end, its progress."""

import sys
import time

import keras

from elastic_tf.training.stages import INITIAL, SELECTOR, STAGE_NAMES


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
