"""Checks of the levels, or gates, that a caller asks for."""

import tensorflow as tf


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
