"""Groups of equal level in a batch, by operations that every runtime has.

LiteRT's builtin operators and ONNX know no branch by a number and no dynamic stitch; where, gather,
concatenation, scatter and a condition are in both.
"""

import tensorflow as tf


def run_by_gather(branches, inputs, levels, output_shape):
    """Runs the rows of every level on a function of its own.

    Args:
        branches: list with an entry per level, as of `run_by_group`.
        inputs: list of tensors `(batch, ...)`, in any order.
        levels: int32 tensor `(batch,)`.
        output_shape: tuple of ints.

    Returns:
        outputs: tensor `(batch, *output_shape)`, sorted by level, stably.
        order: int32 tensor `(batch,)`: row `i` of the outputs is row `order[i]` of the inputs.
    """
    groups = [
        tf.cast(tf.where(tf.equal(levels, level))[:, 0], tf.int32) for level in range(len(branches))
    ]
    outputs = [
        _run(branch, inputs, rows, output_shape)
        for branch, rows in zip(branches, groups, strict=True)
    ]
    return tf.concat(outputs, axis=0), tf.concat(groups, axis=0)


def undo_order(rows, order):
    """Returns rows in the order that `order` was taken from.

    Args:
        rows: tensor `(batch, channels)`.
        order: int32 tensor `(batch,)`, a permutation.
    """
    return tf.scatter_nd(order[:, tf.newaxis], rows, tf.shape(rows))


def _run(branch, inputs, rows, output_shape):
    if branch is None:
        return tf.gather(inputs[-1], rows)
    is_empty = tf.equal(tf.size(rows), 0)
    # LiteRT prepares both branches, also the one that is not taken, and its fast convolutions
    # cannot be prepared for no rows. Row 0 stands there, and nothing is computed of it.
    prepared = tf.concat([rows, tf.zeros([tf.cast(is_empty, tf.int32)], tf.int32)], axis=0)
    outputs = tf.cond(
        is_empty,
        lambda: tf.zeros((0, *output_shape), inputs[0].dtype),
        lambda: branch(*(tf.gather(tensor, prepared) for tensor in inputs)),
    )
    # LiteRT's converter loses the shape in the condition; a check of it would be no builtin.
    return tf.reshape(outputs, (-1, *output_shape))
