"""Checks of a network's tasks and weights, and of the levels, gates and pixels it is given."""

import re
import warnings

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.settings import check_integer

# Of the first so many images the largest pixel tells whether they were scaled.
_LOOKED_AT = 64


def validate_tasks(tasks):
    """Returns `tasks` in the form the models keep, or says what is wrong with it.

    Args:
        tasks: dict from task name to `{"image_shape": (height, width, channels),
            "num_classes": int}`; shapes in pixels, fixed.

    Returns:
        Dict of the same structure, with tuples and ints, in the same order.

    Raises:
        ValueError: if a name, shape or number of classes is not usable.
    """
    if not isinstance(tasks, dict) or not tasks:
        raise ValueError(f"`tasks` must be a dict with at least one task. Received: tasks={tasks}")
    return {name: _validate_task(name, task) for name, task in tasks.items()}


def check_task(task, tasks):
    """Raises a `ValueError` if `task` is not one of the names in `tasks`."""
    if task not in tasks:
        raise ValueError(f"`task` must be one of {list(tasks)}. Received: task={task}")


def _validate_task(name, task):
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise ValueError(
            f"Names in `tasks` must be letters, digits, '_', '.', '-'. Received: name={name!r}"
        )
    if not isinstance(task, dict) or set(task) != {"image_shape", "num_classes"}:
        raise ValueError(
            f"`tasks['{name}']` must be a dict with the keys 'image_shape' and 'num_classes'. "
            f"Received: {task}"
        )
    try:
        height, width, channels = task["image_shape"]
        sides = [check_integer("image_shape", side, 1) for side in (height, width, channels)]
    except (TypeError, ValueError):
        raise ValueError(
            f"`tasks['{name}']['image_shape']` must be three integers >= 1 (height, width, "
            f"channels). Received: image_shape={task['image_shape']}"
        ) from None
    classes = check_integer(f"tasks['{name}']['num_classes']", task["num_classes"], 2)
    return {"image_shape": tuple(sides), "num_classes": classes}


def check_finite(network, name="a network"):
    """Raises a `ValueError` if a weight is infinite or not a number, as after a divergence.

    Args:
        network: any Keras model.
        name: str or path, for the message.
    """
    for weight in network.weights:
        if not keras.backend.is_float_dtype(weight.dtype):
            continue
        is_finite = np.isfinite(np.asarray(weight))
        if not is_finite.all():
            raise ValueError(
                f"Weights of {name} must be finite. Received: {weight.path} with "
                f"{np.sum(~is_finite)} of {is_finite.size} that are not"
            )


def warn_of_pixels(data):
    """Warns of images that were scaled already: the network does that, and sees them as black.

    Args:
        data: dict from task name to images, or to a tuple that begins with them; or a data set of
            such dicts, whose first is read where pixels are floats. Nothing is said of anything
            else.
    """
    if isinstance(data, tf.data.Dataset):
        spec = data.element_spec
        if not isinstance(spec, dict) or not any(map(_has_floats, spec.values())):
            return
        data = next(iter(data), None)
    for task, images in data.items() if isinstance(data, dict) else ():
        if not _has_floats(images):
            continue
        few = np.asarray(_images_of(images)[:_LOOKED_AT], np.float32)
        if few.size and 0 < np.abs(few).max() <= 1:
            warnings.warn(
                f"Images of task '{task}' must have pixels in 0..255, as the network scales them "
                f"itself. Received: pixels in {few.min():g}..{few.max():g}",
                stacklevel=3,
            )


def _images_of(part):
    return part[0] if isinstance(part, (tuple, list)) else part


def _has_floats(part):
    images = _images_of(part)
    return hasattr(images, "dtype") and tf.as_dtype(images.dtype).is_floating


def as_pixels(images, dtype):
    """Returns images as an array of another type, which must hold their pixels.

    Args:
        images: array of any numeric type.
        dtype: `"uint8"` or `"float32"`.

    Raises:
        ValueError: if pixels are not whole numbers in 0..255, for uint8.
    """
    images = np.asarray(images)
    if images.dtype == dtype:
        return images
    with np.errstate(invalid="ignore"):  # Of what is out of range.
        pixels = images.astype(dtype)
    if dtype == "uint8" and not np.array_equal(pixels, images):
        raise ValueError(
            "`images` must have whole pixels in 0..255 where they are taken as uint8. "
            f"Received: {images.dtype} in {images.min():g}..{images.max():g}"
        )
    return pixels


def check_levels(levels, num_blocks, num_levels):
    """Returns `levels` as int32.

    Args:
        levels: int tensor or array `(batch, num_blocks)`.
        num_blocks: int.
        num_levels: int.

    Raises:
        ValueError: if they are no integers, or of another shape.
        tf.errors.InvalidArgumentError: if a level is not in `[0, num_levels)`, when it runs.
    """
    try:
        found = tf.convert_to_tensor(levels)
    except (TypeError, ValueError, OverflowError):  # Such as of rows of several lengths.
        found = None
    if found is None or not found.dtype.is_integer:
        raise ValueError(f"`levels` must be integers. Received: levels={levels!r}")
    if found.shape.rank != 2 or found.shape[1] != num_blocks:
        raise ValueError(
            f"`levels` must have shape (batch, {num_blocks}), one level for each block. "
            f"Received: levels.shape={found.shape}"
        )
    return check_range(found, num_levels, f"`levels` must be in [0, {num_levels}).")


def check_range(values, number, message):
    """Returns integers as int32, which must be in `[0, number)`.

    Raises:
        tf.errors.InvalidArgumentError: with the message, when it runs, if one is not.
    """
    if values.dtype != tf.int32:
        values = tf.cast(values, tf.int64)  # In a narrow type `number` may have no place.
    checks = [
        tf.debugging.assert_less(values, tf.cast(number, values.dtype), message),
        tf.debugging.assert_non_negative(values, message),
    ]
    # Before anything that takes the values, or an operation of it might fail first.
    with tf.control_dependencies([check for check in checks if check is not None]):
        return tf.cast(tf.identity(values), tf.int32)


def check_gates(gates, num_blocks, num_levels):
    """Checks that gates have the shape `(batch, num_blocks, num_levels)`.

    Raises:
        ValueError: if the shape is another.
    """
    if gates.shape.rank != 3 or tuple(gates.shape[1:]) != (num_blocks, num_levels):
        raise ValueError(
            f"`gates` must have shape (batch, {num_blocks}, {num_levels}). "
            f"Received: gates.shape={tuple(gates.shape)}"
        )
