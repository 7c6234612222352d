"""Saving a training so that it can go on after a kill."""

import os
import pathlib

import keras


def save_atomically(model, path):
    """Saves a model so that `path` always holds a whole one: the old or the new.

    Args:
        model: a `keras.Model`.
        path: str or path ending in `.keras`; its folder must exist.
    """
    path = pathlib.Path(path)
    partial = path.with_name(f"{path.stem}.partial.keras")
    model.save(partial)
    os.replace(partial, path)


class ResumableCheckpoint(keras.callbacks.Callback):
    """Saves the whole model, optimizers and step counter included, every so many steps.

    What it saves, `keras.saving.load_model` loads, ready for more training.

    Args:
        path: str or path ending in `.keras`.
        every_steps: int >= 1. Training steps between two saves.

    Raises:
        ValueError: if `every_steps` is out of range.
    """

    def __init__(self, path, every_steps):
        super().__init__()
        if not isinstance(every_steps, int) or every_steps < 1:
            raise ValueError(f"`every_steps` must be an integer >= 1. Received: {every_steps=}")
        self.path = pathlib.Path(path)
        self.every_steps = every_steps
        self._steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self._steps += 1
        if self._steps % self.every_steps == 0:
            save_atomically(self.model, self.path)

    def on_train_end(self, logs=None):
        save_atomically(self.model, self.path)
