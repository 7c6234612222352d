"""Live progress of a training: where it stands, how well it does, how long it will take."""

import math
import sys
import time

import keras

from elastic_tf.training.stages import INITIAL, SELECTOR, STAGE_NAMES

ESTIMATOR_FIGURES = ("loss", "accuracy")
SELECTOR_FIGURES = ("reward", "density")
BAR_WIDTH = 20
SHOWN = ("accuracy", "full_accuracy", "macs_share")


class StageProgress(keras.callbacks.Callback):
    """Prints stage, step, each task's figures, speed and time left.

    On a terminal the line, with a bar, is rewritten as the training goes; elsewhere there is one
    line per epoch.

    Args:
        tasks: list of str.
        total_steps: int. Steps of the whole training.
        stream: text stream. Defaults to standard output.
    """

    def __init__(self, tasks, total_steps, stream=None):
        super().__init__()
        self.tasks = tasks
        self.total_steps = total_steps
        self.stream = stream or sys.stdout
        self._shown = 0.0
        self._began = None

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        if self._began is None:  # The first step builds the graph; it says nothing of the speed.
            self._began, self._first_step = now, self._step()
        if self.stream.isatty() and now - self._shown > 0.5:
            self._shown = now
            self.stream.write(f"\r\033[K{self._bar()} {self._line(logs)}")
            self.stream.flush()

    def on_epoch_end(self, epoch, logs=None):
        start = "\r\033[K" if self.stream.isatty() else ""
        self.stream.write(f"{start}{self._line(logs)}{self._validation(logs)}\n")
        self.stream.flush()

    def _line(self, logs):
        step = self._step()
        stage = self._stage(step)
        name = STAGE_NAMES[int(stage.kind)]
        if int(stage.kind) != INITIAL:
            name = f"round {int(stage.round) + 1} {name}"
        selects = int(stage.kind) == SELECTOR
        figures = SELECTOR_FIGURES if selects else ESTIMATOR_FIGURES
        values = "; ".join(
            f"{task} " + " ".join(f"{f} {float(logs[f'{task}_{f}']):.3f}" for f in figures)
            for task in self.tasks
        )
        return f"{step}/{self.total_steps} {name}: {values}{self._pace(step)}"

    def _bar(self):
        filled = BAR_WIDTH * self._step() // self.total_steps
        return f"[{'=' * filled}{' ' * (BAR_WIDTH - filled)}]"

    def _validation(self, logs):
        parts = []
        for task in self.tasks:
            figures = {name: 100 * logs.get(f"val_{task}_{name}", math.nan) for name in SHOWN}
            if math.isnan(figures["accuracy"]):
                continue
            part = f"{task} full model {figures['full_accuracy']:.1f} %"
            if self._stage(self._step()).kind != INITIAL:  # Before, the selector is untrained.
                part += (
                    f", selector {figures['accuracy']:.1f} % at {figures['macs_share']:.0f} % MACs"
                )
            parts.append(part)
        return f" | validation: {'; '.join(parts)}" if parts else ""

    def _pace(self, step):
        taken = step - self._first_step
        seconds = time.monotonic() - self._began
        if not taken or not seconds:
            return ""
        left = (self.total_steps - step) * seconds / taken
        return f" | {taken / seconds:.1f} steps/s, {left / 60:.1f} min left"

    def _stage(self, step):
        return self.model.stages(max(0, step - 1))  # The stage of the step just taken.

    def _step(self):
        return int(self.model.step.numpy())
