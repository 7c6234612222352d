"""Routing: which row of a batch runs where, planned once per batch from the levels of all blocks.

A block takes its rows sorted by level, so that the rows of a level are one contiguous group. From
block to block one gather leads from the order of the last block to that of the next; the caller's
order comes back once, at the end, where a row is a short vector.

Plans are integers of the size of the batch. They are made on the CPU, where the integer operations
have their kernels, beside whatever the device is at.
"""

import dataclasses
import typing

import numpy as np
import tensorflow as tf


class Route(typing.NamedTuple):
    """How a batch gets into one block.

    Attributes:
        rows: int32 `(slots,)`: the row of the last block's output (of the batch, for the first)
            that each slot of the block takes.
        back: int32 `(batch,)`: the slot that took each of those rows.
        sizes: slots of each level; a list of ints where they are known when the graph is made,
            else an int32 tensor `(levels,)`.
        counts: int32 tensor `(levels,)`, how many of each level's slots hold a row of the batch;
            the others, behind them, repeat one and count for nothing. `None` where all do.
    """

    rows: tf.Tensor
    back: tf.Tensor
    sizes: list | tf.Tensor
    counts: tf.Tensor | None


@dataclasses.dataclass(frozen=True)  # No tuple: Keras takes no nest of tensors and numbers.
class Plan:
    """How a batch gets through a row of blocks.

    Attributes:
        routes: list with a `Route` per block.
        order: int32 `(batch,)`: row `i` of the last block's output is row `order[i]` of the batch.
        back: int32 `(batch,)`, the permutation that undoes it.
    """

    routes: list
    order: tf.Tensor
    back: tf.Tensor


def plan_routes(levels, channels, sizes=None, order=None):
    """Plans how a batch travels through blocks.

    Without sizes, a level that runs convolutions has at least one slot in a graph, filled with a
    repeated row where the level has none: no block needs a condition for an empty group.

    Args:
        levels: int32 tensor `(batch, blocks)`; the batch is not empty.
        channels: list with a tuple of ints per block, the hidden channels of each level.
        sizes: list with a list of ints per block (or an int32 tensor `(blocks, levels)`), how many
            rows have each level, where the caller knows; none of them 0 if in a tensor.
        order: that of an earlier `Plan` that this one goes on from, where levels become known in
            parts. Defaults to `None`, the order of the levels.

    Returns:
        A `Plan`.
    """
    with tf.device("CPU"):
        # Not by `tf.transpose`: oneDNN has none of int32, and says so on every start.
        of_blocks = tf.stack(tf.unstack(levels, axis=1))
        orders = tf.argsort(of_blocks, axis=-1, stable=True)
        places = tf.argsort(orders, axis=-1)  # The permutations that undo them.
        place = None if order is None else tf.argsort(order)
        routes = []
        for index, of_block in enumerate(channels):
            rows, back = orders[index], places[index]
            if order is not None:
                rows, back = tf.gather(place, rows), tf.gather(back, order)
            if sizes is not None:
                routes.append(Route(rows, back, sizes[index], None))
            elif tf.executing_eagerly():
                counts = count_levels(levels[:, index], len(of_block))
                routes.append(Route(rows, back, counts.numpy().tolist(), None))
            else:
                routes.append(_padded_route(levels[:, index], rows, back, of_block))
            order, place = orders[index], places[index]
        return Plan(routes, order, place)


def _padded_route(levels, rows, back, channels):
    counts = count_levels(levels, len(channels))
    sizes = tf.maximum(counts, np.minimum(channels, 1).astype(np.int32))
    shift = tf.cumsum(sizes - counts, exclusive=True)  # 1 for an empty group that runs.
    level_of_slot = tf.repeat(tf.range(len(channels)), sizes)
    # A slot without a row of its own repeats the row behind it, or the last of the batch.
    source = tf.range(tf.size(level_of_slot)) - tf.gather(shift, level_of_slot)
    slot_of_row = tf.range(tf.size(rows)) + tf.gather(shift, tf.sort(levels))
    return Route(
        tf.gather(rows, tf.minimum(source, tf.size(rows) - 1)),
        tf.gather(slot_of_row, back),
        sizes,
        counts,
    )


def count_levels(levels, num_levels):
    """Returns how many instances have each level, an int32 tensor `(num_levels,)`."""
    return tf.reduce_sum(tf.one_hot(levels, num_levels, dtype=tf.int32), axis=0)


@tf.custom_gradient
def take_rows(features, rows, back):
    """Returns `features[rows]`, with a gradient that is a gather too.

    TensorFlow's own would be a slow sum over segments, because it cannot know that every row is
    taken once. A row that is taken again, see `Route.counts`, has its gradient from the first.

    Args:
        features: tensor `(batch, ...)`.
        rows: int32 tensor `(slots,)`.
        back: int32 tensor `(batch,)`, see `Route`.

    Returns:
        Tensor `(slots, ...)`.
    """
    return tf.gather(features, rows), lambda up: (tf.gather(up, back), None, None)


def gather_rows(features, rows, back, training):
    """Returns `features[rows]`: by `take_rows` in training, and without its gradient elsewhere.

    TensorFlow keeps every graph with a custom gradient for good, which inference must not make.
    """
    return take_rows(features, rows, back) if training else tf.gather(features, rows)


def split_groups(rows, sizes):
    """Returns a sorted batch as a list of groups; `sizes` are those of a `Route`."""
    if isinstance(sizes, list):
        return [rows] if len(sizes) == 1 else tf.split(rows, sizes)
    return tf.split(rows, sizes, num=sizes.shape[0])


def channel_usage(levels, channels_per_level):
    """Returns the mask of the channels that each instance uses.

    Args:
        levels: int tensor `(batch,)`.
        channels_per_level: tuple of ints, one per level.

    Returns:
        bool tensor `(batch, channels_per_level[-1])`.
    """
    return tf.sequence_mask(tf.gather(channels_per_level, levels), channels_per_level[-1])


def channel_gates(gates, channels_per_level):
    """Returns the factor of every channel: the sum of the gates of the levels that use it.

    Args:
        gates: float tensor `(batch, levels)`.
        channels_per_level: tuple of ints, one per level.

    Returns:
        Float tensor `(batch, channels_per_level[-1])`, of the type of `gates`.
    """
    channels = np.arange(channels_per_level[-1])
    uses = channels < np.asarray(channels_per_level)[:, np.newaxis]
    return tf.matmul(gates, tf.constant(uses, gates.dtype))


def apply_gates(features, gates):
    """Returns features times gates; where gates are bools, 0 where they are false.

    Args:
        features: tensor `(batch, height, width, channels)`.
        gates: tensor `(batch, channels)` or `(batch, 1)`, floats or bools.
    """
    gates = gates[:, tf.newaxis, tf.newaxis, :]
    if gates.dtype == tf.bool:
        return tf.where(gates, features, tf.zeros([], features.dtype))
    return features * tf.cast(gates, features.dtype)
