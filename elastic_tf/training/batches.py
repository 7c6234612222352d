"""The batches that a network trains on: images, labels and weights of each task, checked."""

import contextlib
import math
import numbers
import re
import typing
import warnings

import numpy as np
import tensorflow as tf

from elastic_tf import replicas
from elastic_tf.layers.task_layers import check_image_shape, check_images
from elastic_tf.models.tasks import check_range, warn_of_pixels

_OUT_OF_RANGE = re.compile(r"Labels of task \S+ must be in \[0, \d+\)")


class Batch(typing.NamedTuple):
    """A batch of one task.

    Attributes:
        images: tensor `(batch, height, width, channels)`, pixels in 0..255.
        labels: int32 `(batch,)`.
        weights: float32 `(batch,)`, as how many images each counts; `None` for 1 each.
    """

    images: tf.Tensor
    labels: tf.Tensor
    weights: tf.Tensor | None


def check_data(data, tasks):
    """Raises a `ValueError` if this is no batch of each task, or if its specification is of none.

    Args:
        data: `{task: (images, labels)}` or `{task: (images, labels, weights)}`, of tensors, or of
            what says their shapes and types. Images as of a stem, integer labels and real weights
            `(batch,)` or `(batch, 1)`.
        tasks: dict, as `validate_tasks` returns it.
    """
    if not isinstance(data, dict) or not data or not set(data) <= set(tasks):
        raise ValueError(
            "Training and evaluation data must be dicts {task: (images, labels)} with tasks "
            f"among {list(tasks)}. Received: "
            f"{list(data) if isinstance(data, dict) else type(data).__name__}"
        )
    for task, parts in data.items():
        if not isinstance(parts, (tuple, list)) or len(parts) not in (2, 3):
            received = f"{len(parts)} parts" if isinstance(parts, (tuple, list)) else type(parts)
            raise ValueError(
                f"Data of task '{task}' must be (images, labels) or (images, labels, weights). "
                f"Received: {received}"
            )
        parts = [part if hasattr(part, "shape") else np.asarray(part) for part in parts]
        check_image_shape(parts[0].shape, task, tasks[task]["image_shape"])
        _check_column("Labels", "integers, no one-hot vectors,", parts[1], task)
        for weights in parts[2:]:
            _check_column("Weights", "numbers", weights, task)
        shapes = [tf.TensorShape(part.shape) for part in parts]
        if not all(shape[:1].is_compatible_with(shapes[0][:1]) for shape in shapes):
            raise ValueError(
                f"Data of task '{task}' must have a label, and a weight if any, for each image. "
                f"Received: shapes {', '.join(map(str, shapes))}"
            )


def check_input(data, tasks):
    """Says what is wrong with what `fit` is given, where it is seen before a graph is made.

    In a graph, an error would be many lines.

    Args:
        data: `tf.data.Dataset`, or dict of arrays; nothing is said of anything else.
        tasks: dict, as `validate_tasks` returns it.

    Raises:
        ValueError: see `check_data`; if arrays of several tasks differ in length.
    """
    if isinstance(data, tf.data.Dataset):
        check_data(data.element_spec, tasks)
    elif isinstance(data, dict):
        check_data(data, tasks)
        lengths = {task: len(parts[0]) for task, parts in data.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(
                "`x` must have as many images of each task, or be a `tf.data.Dataset` of batches. "
                f"Received: {lengths}"
            )
    warn_of_pixels(data)


def deal_training(data, strategy):
    """Returns what `fit` is given, without end, dealt to the several replicas of a strategy.

    Args:
        data: see `check_input`; what has been distributed already stays as it is.
        strategy: `tf.distribute.Strategy`.

    Returns:
        The data, and how many batches it has: an int, or `None` if it has no end.

    Raises:
        ValueError: if not every replica can have as many images of known number.
    """
    count = strategy.num_replicas_in_sync
    if isinstance(data, tf.distribute.DistributedDataset):
        return data, None
    length = (
        data.cardinality() if isinstance(data, tf.data.Dataset) else tf.data.UNKNOWN_CARDINALITY
    )
    if length == tf.data.UNKNOWN_CARDINALITY:
        raise ValueError(
            f"`x` must be a `tf.data.Dataset` of known length, or without end, on {count} devices. "
            f"Received: {type(data).__name__}"
        )
    for task, parts in data.element_spec.items():
        size = parts[0].shape[0]
        if not size or size % count:
            raise ValueError(
                f"Batches of task '{task}' must be of a known multiple of {count} images, as there "
                f"are {count} devices. Received: {size}"
            )
    # A step past the end would count.
    known = None if length == tf.data.INFINITE_CARDINALITY else int(length)
    return replicas.deal(data.repeat(), strategy), known


def check_one_device(strategy, steps_per_execution):
    """Raises a `ValueError` where several steps in a graph would have conditions around them."""
    count = strategy.num_replicas_in_sync
    if count > 1:
        raise ValueError(
            f"`steps_per_execution` must be 1 on {count} devices. Received: {steps_per_execution=}"
        )


def read_batches(data, tasks, class_weights=None):
    """Returns `{task: Batch}`.

    Args:
        data, tasks: see `check_data`, whose errors it raises.
        class_weights: as `check_class_weight` returns it; `None` for 1 each.

    Raises:
        tf.errors.InvalidArgumentError: if a label is not in `[0, num_classes)`, when it runs.
    """
    check_data(data, tasks)
    batches = {}
    for task, (images, labels, *weights) in data.items():
        num_classes = tasks[task]["num_classes"]
        message = f"Labels of task '{task}' must be in [0, {num_classes})."
        labels = check_range(_column(labels), num_classes, message)
        factors = [tf.cast(_column(each), tf.float32) for each in weights]
        if class_weights and task in class_weights:
            factors.append(tf.gather(class_weights[task], labels))
        weights = math.prod(factors[1:], start=factors[0]) if factors else None
        images = check_images(images, task, tasks[task]["image_shape"])
        batches[task] = Batch(images, labels, weights)
    return batches


@contextlib.contextmanager
def one_line_label_errors():
    """Turns the many lines that a graph says of a label out of range into a `ValueError`."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = _OUT_OF_RANGE.search(error.message)
        if not found:
            raise
        raise ValueError(found[0].replace("\\'", "'")) from None


@contextlib.contextmanager
def ends_expected(strategy):
    """Keeps Keras from a warning where data that is dealt to replicas ends, as its length is open.

    Data to train on that ends too early has been made endless, see `deal_training`.
    """
    if strategy.num_replicas_in_sync == 1:
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Your input ran out of data", UserWarning)
        yield


def check_class_weight(class_weight, tasks):
    """Returns the weight of every class, a dict from task to a list of floats.

    Args:
        class_weight: dict from task to a dict from class to weight, a float >= 0, 1 for what is
            left out; or `None`.
        tasks: dict, as `validate_tasks` returns it.

    Raises:
        ValueError: if it is anything else.
    """
    class_weight = {} if class_weight is None else class_weight
    if not isinstance(class_weight, dict) or not all(
        task in tasks and isinstance(weights, dict) and _are_of(weights, tasks[task])
        for task, weights in class_weight.items()
    ):
        raise ValueError(
            "`class_weight` must be a dict {task: {class: weight}} with classes of the task and "
            f"weights >= 0. Received: class_weight={class_weight}"
        )
    return {
        task: [float(weights.get(label, 1.0)) for label in range(tasks[task]["num_classes"])]
        for task, weights in class_weight.items()
    }


def _are_of(weights, task):
    return all(
        isinstance(label, numbers.Integral)
        and 0 <= label < task["num_classes"]
        and isinstance(weight, numbers.Real)
        and 0 <= weight < math.inf
        for label, weight in weights.items()
    )


def _check_column(name, expected, values, task):
    shape, dtype = tf.TensorShape(values.shape), tf.as_dtype(values.dtype)
    is_column = shape.is_compatible_with([None]) or shape.is_compatible_with([None, 1])
    if not is_column or not (dtype.is_integer or (name == "Weights" and dtype.is_floating)):
        raise ValueError(
            f"{name} of task '{task}' must be {expected} of shape (batch,). "
            f"Received: shape={shape}, {dtype.name}"
        )


def _column(values):
    return tf.reshape(values, [-1])
