"""Grouping the instances of a batch by level, and putting them back.

A batch that is sorted by level splits into one contiguous group per level. A stack of blocks
carries the permutation from block to block (each block sorts what the last one left) and undoes
it once, after the pooling, where a row is a short vector.
"""

import numpy as np
import tensorflow as tf


def sort_by_level(levels):
    """Returns the permutation that sorts a batch by level, stably.

    Args:
        levels: int tensor `(batch,)`.

    Returns:
        int32 tensor `(batch,)`: row `i` of the sorted batch is row `order[i]` of the batch.
    """
    return tf.argsort(levels, stable=True)


def group_sizes(levels, num_levels):
    """Returns how many instances have each level, an int32 tensor `(num_levels,)`."""
    return tf.reduce_sum(tf.one_hot(levels, num_levels, dtype=tf.int32), axis=0)


def split_groups(rows, sizes):
    """Returns a sorted batch as a list with one tensor per group.

    Args:
        rows: tensor `(batch, ...)`.
        sizes: int32 tensor `(groups,)`, of static shape; they add up to the batch.
    """
    # One group keeps a batch size that is known when the graph is made.
    return [rows] if sizes.shape[0] == 1 else tf.split(rows, sizes, num=sizes.shape[0])


def inverse_permutation(order):
    """Returns the permutation that undoes `order`, an int32 tensor of the same shape."""
    return tf.argsort(order)


@tf.custom_gradient
def permute(rows, order):
    """Returns the rows in another order.

    A gather whose gradient is a gather too: TensorFlow's own would be a slow sum over segments,
    because it cannot know that `order` has every row once.

    Args:
        rows: tensor `(batch, ...)`.
        order: int32 tensor `(batch,)`, a permutation.

    Returns:
        Tensor of the shape of `rows`.
    """
    return tf.gather(rows, order), lambda up: (tf.gather(up, inverse_permutation(order)), None)


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


def mask_features(features, usage):
    """Returns `(batch, height, width, channels)` features with 0 where `usage` is false.

    A selection, not a product: TensorFlow 2.21's graph optimiser divides by zero on the product
    of an empty batch with a mask.
    """
    return tf.where(usage[:, tf.newaxis, tf.newaxis, :], features, 0)
