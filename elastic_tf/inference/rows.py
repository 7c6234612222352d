"""Groups of equal level in a batch: sorted and split, or planned ahead for other runtimes."""

import tensorflow as tf

from elastic_tf.layers.elastic_conv import run_unless_empty


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


def plan_groups(levels, num_levels):
    """Plans where the rows of a batch go in every block, all at once.

    Every block leaves its outputs sorted by its levels, stably, and the next one gathers its groups
    from there. Done ahead for all blocks, it is a handful of small operations, not as many for
    each block, which is what a batch of one image would wait for.

    Args:
        levels: int32 tensor `(batch, blocks)`.
        num_levels: int.

    Returns:
        groups: list with an entry per block, a list with an entry per level: int32 tensor
            `(group,)`, the rows of the group in the order that the block before has left.
        restore: int32 tensor `(batch,)`: which row after the last block each image is.
    """
    num_blocks, batch = levels.shape[1], tf.shape(levels)[0]
    chosen = tf.equal(tf.transpose(levels)[:, tf.newaxis], tf.range(num_levels)[:, tf.newaxis])
    found = tf.cast(tf.where(chosen), tf.int32)  # Block, level and image, in this order.
    images = found[:, 0] * batch + found[:, 2]
    positions = tf.scatter_nd(
        images[:, tf.newaxis],
        tf.tile(tf.range(batch), [num_blocks]),
        tf.reshape(num_blocks * batch, [1]),
    )
    last = (num_blocks - 1) * batch
    before = tf.concat([tf.range(batch), positions[:last]], axis=0)
    sizes = tf.reduce_sum(tf.cast(chosen, tf.int32), axis=2)
    groups = tf.split(
        tf.gather(before, images), tf.reshape(sizes, [-1]), num=num_blocks * num_levels
    )
    starts = range(0, len(groups), num_levels)
    return [groups[start : start + num_levels] for start in starts], positions[last:]


def run_groups_for_onnx(branches, inputs, groups, output_shape):
    """Runs planned groups in a graph without any condition.

    ONNX Runtime fuses and lays out convolutions best in one graph, and passes empty groups by in
    microseconds. It wants channels first: where rows are moved so, no transposition is left in the
    exported graph.

    Args:
        branches: list with an entry per level, as of `run_by_group`.
        inputs: list of tensors `(batch, height, width, channels)`.
        groups: list with an entry per level: int32 tensor `(group,)`, rows of `inputs`.
        output_shape: tuple of ints.

    Returns:
        Tensor `(batch, *output_shape)`, the groups in their order.
    """
    inputs = [_channels_first(tensor) for tensor in inputs]
    outputs = []
    for branch, rows in zip(branches, groups, strict=True):
        group = [tf.gather(tensor, rows) for tensor in inputs]
        outputs.append(
            group[-1] if branch is None else _channels_first(branch(*map(_channels_last, group)))
        )
    return tf.ensure_shape(_channels_last(tf.concat(outputs, axis=0)), (None, *output_shape))


def _channels_first(images):
    return tf.transpose(images, [0, 3, 1, 2])


def _channels_last(images):
    return tf.transpose(images, [0, 2, 3, 1])


def run_groups_for_litert(branches, inputs, groups, output_shape):
    """Runs planned groups, each under a condition; arguments as of `run_groups_for_onnx`.

    LiteRT's fast convolutions cannot do with empty groups.
    """
    outputs = [
        run_rows_for_litert(branch, inputs, rows, output_shape)
        for branch, rows in zip(branches, groups, strict=True)
    ]
    return tf.concat(outputs, axis=0)


def run_rows(branch, inputs, rows, output_shape):
    """Runs a function on some rows of a batch, which may be none.

    Args:
        branch: function from a tensor `(group, height, width, channels)`, not empty, to a float32
            tensor `(group, *output_shape)`.
        inputs: list of one tensor `(batch, height, width, channels)`.
        rows: int32 tensor `(group,)`.
        output_shape: tuple of ints.

    Returns:
        float32 tensor `(group, *output_shape)`.
    """
    (features,) = inputs
    return run_unless_empty(branch, tf.gather(features, rows), output_shape, tf.float32)


def run_rows_for_onnx(branch, inputs, rows, output_shape):
    """As `run_rows`, without a condition: see `run_groups_for_onnx`."""
    group = [_channels_last(tf.gather(_channels_first(tensor), rows)) for tensor in inputs]
    return tf.ensure_shape(branch(*group), (None, *output_shape))


def run_rows_for_litert(branch, inputs, rows, output_shape):
    """As `run_rows`; without a branch, the rows of the last of `inputs`."""
    if branch is None:
        return tf.gather(inputs[-1], rows)
    is_empty = tf.equal(tf.size(rows), 0)
    # LiteRT prepares both branches, also the one that is not taken, and its fast convolutions
    # cannot be prepared for no rows. Row 0 stands there, and nothing is computed of it.
    prepared = tf.concat([rows, tf.zeros([tf.cast(is_empty, tf.int32)], tf.int32)], axis=0)
    # Outside of the condition, which copies all that it takes; each tensor once.
    group = {tensor.ref(): tf.gather(tensor, prepared) for tensor in inputs}
    outputs = tf.cond(
        is_empty,
        lambda: tf.zeros((0, *output_shape), inputs[0].dtype),
        lambda: branch(*(group[tensor.ref()] for tensor in inputs)),
    )
    # LiteRT's converter loses the shape in the condition; a check of it would be no builtin.
    return tf.reshape(outputs, (-1, *output_shape))
