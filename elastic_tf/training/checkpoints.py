"""Checkpoints of a training: saved in time and on signals, and loaded again."""

import contextlib
import itertools
import math
import os
import pathlib
import signal
import time

import keras

from elastic_tf.files import signals_answered, whole_file
from elastic_tf.models.tasks import check_finite
from elastic_tf.replicas import on_any_machine
from elastic_tf.settings import check_integer
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork

_SIGNALS = signal.SIGINT, signal.SIGTERM


def load_network(path):
    """Returns the `DeepElasticNetwork` of a file; a `ValueError` if it holds no finite one."""
    try:
        model = keras.saving.load_model(path)
    except Exception as error:  # Keras raises whatever the zip, JSON or HDF5 reader did.
        received = (str(error).splitlines() or [type(error).__name__])[0]
    else:
        if isinstance(model, DeepElasticNetwork):
            check_finite(model, path)
            return model
        received = type(model).__name__
    raise ValueError(
        f"{path} must be a DeepElasticNetwork saved by this version. Received: {received}"
    )


def checkpoint_files(path):
    """Returns those checkpoints of a training that are there, the last one first.

    Args:
        path: str or path, of `ResumableCheckpoint`.

    Returns:
        List of `pathlib.Path`: none to two.
    """
    path = pathlib.Path(path)
    return [each for each in (path, _beside(path, "previous")) if each.exists()]


def load_checkpoint(path):
    """Loads the last checkpoint of a training, or the one before it where that is damaged.

    The damaged one then becomes `NAME.damaged.keras`: the next to be saved would else have it take
    the place of the one that is whole.

    Args:
        path: str or path, of `ResumableCheckpoint`.

    Returns:
        A `DeepElasticNetwork`, the path that it was loaded from, and what is wrong with the one
        after it, a str, or `None`.

    Raises:
        FileNotFoundError: if there is no checkpoint.
        ValueError: if none is whole.
    """
    files = checkpoint_files(path)
    if not files:
        raise FileNotFoundError(f"`path` must be that of a checkpoint. Received: path={path}")
    faults = []
    for file in files:
        try:
            network = load_network(file)
        except ValueError as error:
            faults.append(str(error))
            continue
        if faults:
            with contextlib.suppress(OSError):  # Another machine has done it, or nobody may write.
                os.replace(files[0], _beside(files[0], "damaged"))
        return network, file, faults[0] if faults else None
    raise ValueError(faults[0])


def remove_checkpoints(path):
    """Removes the checkpoints of a training that is over, a damaged one too.

    Args:
        path: str or path, of `ResumableCheckpoint`.
    """
    path = pathlib.Path(path)
    for each in (path, _beside(path, "previous"), _beside(path, "damaged")):
        each.unlink(missing_ok=True)


def _beside(path, name):
    return path.with_name(f"{path.stem}.{name}{path.suffix}")


def save_checkpoint(model, path):
    """Saves a network as the last checkpoint of its training; see `ResumableCheckpoint`."""
    _check_weights(model)
    path = pathlib.Path(path)
    with whole_file(path, kept=_beside(path, "previous")) as partial:
        model.save(partial)


class ResumableCheckpoint(keras.callbacks.Callback):
    """Saves the whole model, optimizers and step counter included, and keeps the last two.

    What it saves, `load_checkpoint` loads, ready for more training. A file is written whole or not
    at all, and flushed to the disk before it takes the place of the last, which is kept as
    `NAME.previous.keras`; never with weights that are infinite or not numbers.

    Args:
        path: str or path ending in `.keras`.
        every_steps: int >= 1. Training steps between two saves.
        every_minutes: int >= 1. Minutes between two saves at most. Defaults to `None`: any number.

    Raises:
        ValueError: if an interval is out of range.
        FloatingPointError: in training, in place of a save, if a weight is not finite.
    """

    def __init__(self, path, every_steps, every_minutes=None):
        super().__init__()
        self.path = pathlib.Path(path)
        self.every_steps = check_integer("every_steps", every_steps, 1)
        self.every_minutes = every_minutes and check_integer("every_minutes", every_minutes, 1)
        self._steps = self._steps_saved = 0
        self._saved_at = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        self._steps += 1
        minutes = (time.monotonic() - self._saved_at) / 60
        is_late = self.every_minutes is not None and minutes >= self.every_minutes
        if is_late or self._steps % self.every_steps == 0:
            self.save()

    def on_train_end(self, logs=None):
        self.save()

    def save(self):
        """Saves the model, if it has trained since the last time."""
        if self._steps == self._steps_saved:
            return
        save_checkpoint(self.model, self.path)
        self._steps_saved, self._saved_at = self._steps, time.monotonic()


class StopOnSignal(keras.callbacks.Callback):
    """Ends the program on Ctrl-C or SIGTERM, with a checkpoint of the step at hand and one line.

    It listens within a `with` block of its own, which belongs around `fit`, in the main thread. A
    second signal ends the program at once. Of several machines, where each must have it, all end
    at the same step when one of them has a signal.

    Args:
        checkpoint: the `ResumableCheckpoint` of the training, a callback of it too. Of several
            machines the first alone has one, the others `None`.

    Raises:
        SystemExit: in training and validation, with the status that a shell expects: 130 after
            Ctrl-C, 143 after SIGTERM.
    """

    def __init__(self, checkpoint):
        super().__init__()
        self.checkpoint = checkpoint
        self._received = None
        self._listening = signals_answered(self._hear, *_SIGNALS)

    def __enter__(self):
        self._listening.__enter__()
        return self

    def __exit__(self, *error):
        self._listening.__exit__(*error)
        if self._received is not None and error[0] is None:
            signal.raise_signal(self._received)  # No step came after it that could have ended.

    def on_train_batch_end(self, batch, logs=None):
        self._stop_if_asked()

    def on_test_batch_end(self, batch, logs=None):
        self._stop_if_asked()

    def _hear(self, number, frame):
        del frame
        if self._received is not None:
            raise SystemExit(128 + number)
        self._received = number

    def _stop_if_asked(self):
        strategy = self.model.distribute_strategy
        are_received = [number == self._received for number in _SIGNALS]
        found = list(itertools.compress(_SIGNALS, on_any_machine(strategy, are_received)))
        if not found:
            return
        saved = "The first machine saves"
        if self.checkpoint is not None:
            self.checkpoint.save()
            saved = f"Saved: {self.checkpoint.path}"
        on_any_machine(strategy, are_received)  # It is lost where the others leave it before.
        print(
            f"\nStopped by {found[0].name} at step {int(self.model.step.numpy())}. {saved}. "
            "The same training continues from there.",
            flush=True,
        )
        raise SystemExit(128 + found[0])


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
    """Raises a `FloatingPointError` for a weight that is infinite or not a number."""
    try:
        check_finite(model)
    except ValueError as error:
        raise _diverged(model, error) from None


def _diverged(model, reason):
    return FloatingPointError(
        f"Training diverged at step {int(model.step.numpy())}; a lower `learning_rate` may help. "
        f"{reason}"
    )
