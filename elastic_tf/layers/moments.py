"""Mean and variance of a channel over exactly the instances that use it."""

import typing

import numpy as np
import tensorflow as tf

from elastic_tf.layers.fused_ops import EPSILON, channel_sums


class GroupMoments(typing.NamedTuple):
    """What one group of instances adds to the moments of the channels it uses.

    Attributes:
        count: float32 scalar, values per channel.
        mean: float32 `(channels,)`, 0 for an empty group.
        squares: float32 `(channels,)`, sum of the squared deviations from that mean.
    """

    count: tf.Tensor
    mean: tf.Tensor
    squares: tf.Tensor


def values_per_channel(images):
    """Returns batch * height * width of `(batch, height, width, channels)`, a float32 scalar."""
    return tf.cast(tf.reduce_prod(tf.shape(images)[:3]), tf.float32)


@tf.custom_gradient
def mean_and_squares(images):
    """Returns the mean and the sum of squared deviations of every channel.

    Args:
        images: float32 tensor `(batch, height, width, channels)`, which may be empty.

    Returns:
        Two float32 tensors `(channels,)`; 0 where there is no image.
    """
    count = tf.maximum(values_per_channel(images), 1.0)
    mean = channel_sums(images) / count
    # Two passes: the mean of squares less the square of the mean cancels in float32.
    squares = channel_sums(tf.math.squared_difference(images, mean))

    def gradient(mean_up, squares_up):
        # The mean within `squares` has no gradient: the deviations from it sum to zero.
        # images * scale + offset in one pass. Not by `scale_offset`: where a sum follows it, the
        # graph optimiser of TensorFlow 2.21 makes an operation without a name, and gives up.
        scale, zeros = 2 * squares_up, tf.zeros_like(mean)
        return tf.raw_ops.FusedBatchNormV3(
            x=images,
            scale=scale,
            offset=mean_up / count - scale * mean,
            mean=zeros,
            variance=zeros + (1 - EPSILON),
            epsilon=EPSILON,
            is_training=False,
        ).y

    return (mean, squares), gradient


def merge_moments(groups, channels):
    """Returns the moments of groups of instances that use prefixes of the channels.

    Args:
        groups: list of `GroupMoments`, each of at most `channels` channels.
        channels: int, the full width.

    Returns:
        count: float32 `(channels,)`, how many values each channel has.
        mean: float32 `(channels,)`, 0 where the count is 0.
        variance: float32 `(channels,)`, of the population, 0 where the count is 0.

    Reference: Chan, Golub and LeVeque, 1983, on merging variances.
    """
    usage = [np.arange(channels) < group.mean.shape[0] for group in groups]
    counts = tf.stack([group.count for group in groups])[:, tf.newaxis] * np.float32(usage)
    count = tf.reduce_sum(counts, axis=0)
    size = tf.maximum(count, 1.0)
    if len(groups) == 1:
        return count, _pad(groups[0].mean, channels), _pad(groups[0].squares, channels) / size
    means = tf.stack([_pad(group.mean, channels) for group in groups])
    squares = tf.stack([_pad(group.squares, channels) for group in groups])
    mean = tf.reduce_sum(counts * means, axis=0) / size
    between = counts * tf.math.squared_difference(means, mean)
    return count, mean, tf.reduce_sum(squares + between, axis=0) / size


def masked_moments(inputs, usage):
    """Returns the same three vectors from full-width inputs and a mask.

    Args:
        inputs: float32 tensor `(batch, height, width, channels)`.
        usage: bool tensor `(batch, channels)`: which instance uses which channel.

    Returns:
        As `merge_moments`.
    """
    used = tf.broadcast_to(usage[:, tf.newaxis, tf.newaxis, :], tf.shape(inputs))

    def total(values):
        return tf.reduce_sum(tf.where(used, values, 0.0), [0, 1, 2])

    count = tf.reduce_sum(tf.cast(used, tf.float32), [0, 1, 2])
    size = tf.maximum(count, 1.0)
    mean = total(inputs) / size
    squares = tf.math.squared_difference(inputs, tf.stop_gradient(mean))
    return count, mean, total(squares) / size


def _pad(vector, channels):
    missing = channels - vector.shape[0]
    return tf.pad(vector, [[0, missing]]) if missing else vector
