"""Checks of the tasks of a network, and of the levels or gates that a caller asks for."""

import re

import tensorflow as tf


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
    shape = tuple(task["image_shape"])
    if len(shape) != 3 or any(not isinstance(side, int) or side < 1 for side in shape):
        raise ValueError(
            f"`tasks['{name}']['image_shape']` must be three integers >= 1 (height, width, "
            f"channels). Received: image_shape={shape}"
        )
    if not isinstance(task["num_classes"], int) or task["num_classes"] < 2:
        raise ValueError(
            f"`tasks['{name}']['num_classes']` must be an integer >= 2. "
            f"Received: num_classes={task['num_classes']}"
        )
    return {"image_shape": shape, "num_classes": task["num_classes"]}


def check_levels(levels, num_blocks, num_levels):
    """Returns `levels` as int32.

    Args:
        levels: int tensor or array `(batch, num_blocks)`.
        num_blocks: int.
        num_levels: int.

    Raises:
        ValueError: if the shape is another.
        tf.errors.InvalidArgumentError: if a level is not in `[0, num_levels)`, when it runs.
    """
    levels = tf.cast(levels, tf.int32)
    if levels.shape.rank != 2 or levels.shape[1] != num_blocks:
        raise ValueError(
            f"`levels` must have shape (batch, {num_blocks}), one level for each block. "
            f"Received: levels.shape={tuple(levels.shape)}"
        )
    message = f"`levels` must be in [0, {num_levels})."
    checks = [
        tf.debugging.assert_less(levels, num_levels, message),
        tf.debugging.assert_non_negative(levels, message),
    ]
    # Before anything that takes the levels, or an operation of it might fail first.
    with tf.control_dependencies([check for check in checks if check is not None]):
        return tf.identity(levels)


def check_gates(gates, levels, num_blocks, num_levels):
    """Checks that gates have the shape `(batch, num_blocks, num_levels)`, and come alone.

    Raises:
        ValueError: if the shape is another, or there are levels.
    """
    if levels is not None:
        raise ValueError("`gates` must come without `levels`. Received: levels=given")
    if gates.shape.rank != 3 or tuple(gates.shape[1:]) != (num_blocks, num_levels):
        raise ValueError(
            f"`gates` must have shape (batch, {num_blocks}, {num_levels}). "
            f"Received: gates.shape={tuple(gates.shape)}"
        )
