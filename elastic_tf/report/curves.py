"""What a training logged for TensorBoard, epoch by epoch."""

import logging
import pathlib

import tensorflow as tf

_PREFIX = "epoch_"
_STEP = "step"


def read_curves(logs):
    """Reads the figures of every epoch from a run's event files.

    Args:
        logs: path of the run's `logs`.

    Returns:
        Dict from `"train"` and `"validation"` to a dict from a figure's name, as
        `cifar10_full_accuracy`, to its list of `(training step, value)`. Empty for what is not
        there, and for trainings whose steps were not logged (see `StepLog`).
    """
    found = {part: _read(pathlib.Path(logs) / part) for part in ("train", "validation")}
    # Keras counts epochs; the steps are a figure of training like others.
    steps = found["train"].pop(_STEP, {})
    return {
        part: {
            name: [(int(steps[epoch]), of[epoch]) for epoch in sorted(of.keys() & steps.keys())]
            for name, of in figures.items()
        }
        for part, figures in found.items()
    }


def _read(folder):
    """Returns a dict from a figure's name to a dict from epoch to value."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # An extra.

    if not folder.is_dir():
        return {}
    # It tells of the end of every file that it reads.
    logging.getLogger("tensorboard").setLevel(logging.WARNING)
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0, "scalars": 0})
    events.Reload()
    return {
        tag.removeprefix(_PREFIX): {
            event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)
        }
        for tag in events.Tags()["tensors"]
        if tag.startswith(_PREFIX)
    }
