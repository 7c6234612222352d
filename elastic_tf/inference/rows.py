"""Groups of equal level in a batch: sorted and split, or gathered by what every runtime has."""

import tensorflow as tf


def sort_rows(features, levels, rows):
    """Sorts a batch by level, and leaves it where it is if it is sorted already.

    Args:
        features: tensor `(batch, ...)`.
        levels: int32 tensor `(batch,)`.
        rows: int32 tensor `(batch,)`: which image of the caller's each row is.

    Returns:
        The three in their new order.
    """

    def reorder():
        order = tf.argsort(levels, stable=True)
        return [tf.gather(tensor, order) for tensor in (features, levels, rows)]

    is_sorted = tf.reduce_all(levels[1:] >= levels[:-1])
    moved = tf.cond(is_sorted, lambda: [features, levels, rows], reorder)
    for tensor, source in zip(moved, (features, levels, rows), strict=True):
        tensor.set_shape(source.shape)
    return moved


def run_by_group(branches, inputs, sizes, output_shape):
    """Runs every group of a sorted batch on a function of its own.

    Args:
        branches: list with an entry per group: a function from one tensor of each of `inputs`,
            not empty, to a tensor `(group, *output_shape)`; or `None`, which passes the last of
            `inputs` on.
        inputs: list of tensors `(batch, ...)`.
        sizes: int32 tensor, rows of each group; they add up to the batch.
        output_shape: tuple of ints.

    Returns:
        Tensor `(batch, *output_shape)`.
    """
    parts = zip(*(tf.split(tensor, sizes, num=len(branches)) for tensor in inputs), strict=True)
    groups = [
        _run_unless_empty(branch, group, sizes[index], output_shape)
        for index, (branch, group) in enumerate(zip(branches, parts, strict=True))
    ]
    # A group that is the whole batch needs no copy.
    outputs = tf.cond(
        tf.reduce_max(sizes) == tf.reduce_sum(sizes),
        lambda: tf.switch_case(
            tf.argmax(sizes, output_type=tf.int32), [lambda group=group: group for group in groups]
        ),
        lambda: tf.concat(groups, axis=0),
    )
    return tf.ensure_shape(outputs, (inputs[0].shape[0], *output_shape))


def _run_unless_empty(branch, group, size, output_shape):
    if branch is None:
        return group[-1]
    outputs = tf.cond(
        size > 0,
        lambda: branch(*group),
        lambda: tf.zeros((0, *output_shape), group[0].dtype),
    )
    return tf.ensure_shape(outputs, (None, *output_shape))


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
