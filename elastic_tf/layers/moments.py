"""Mean and variance of a channel over exactly the instances that use it."""

import tensorflow as tf


def grouped_moments(groups, channels):
    """Returns the moments over groups of instances that use prefixes of the channels.

    Args:
        groups: list of float32 tensors `(batch_g, height, width, channels_g)`, `channels_g` at
            most `channels`; a group may be empty.
        channels: int, the full width.

    Returns:
        count: float32 `(channels,)`, how many values each channel has.
        mean: float32 `(channels,)`, 0 where the count is 0.
        variance: float32 `(channels,)`, of the population, 0 where the count is 0.
    """

    def total(vectors):
        return tf.add_n([_pad(vector, channels) for vector in vectors])

    count = total([_values_per_channel(group) for group in groups])
    size = tf.maximum(count, 1.0)
    mean = total([tf.reduce_sum(group, [0, 1, 2]) for group in groups]) / size
    # Two passes: the mean of squares less the square of the mean cancels in float32. The mean's
    # own gradient vanishes from the second pass, its deviations summing to zero.
    centre = tf.stop_gradient(mean)
    squares = [
        tf.reduce_sum(tf.math.squared_difference(group, centre[: group.shape[-1]]), [0, 1, 2])
        for group in groups
    ]
    return count, mean, total(squares) / size


def masked_moments(inputs, usage):
    """Returns the same three vectors from full-width inputs and a mask.

    Args:
        inputs: float32 tensor `(batch, height, width, channels)`.
        usage: bool tensor `(batch, channels)`: which instance uses which channel.

    Returns:
        As `grouped_moments`.
    """
    used = tf.broadcast_to(usage[:, tf.newaxis, tf.newaxis, :], tf.shape(inputs))

    def total(values):
        return tf.reduce_sum(tf.where(used, values, 0.0), [0, 1, 2])

    count = tf.reduce_sum(tf.cast(used, tf.float32), [0, 1, 2])
    size = tf.maximum(count, 1.0)
    mean = total(inputs) / size
    squares = tf.math.squared_difference(inputs, tf.stop_gradient(mean))
    return count, mean, total(squares) / size


def _values_per_channel(group):
    return tf.fill([group.shape[-1]], tf.cast(tf.reduce_prod(tf.shape(group)[:3]), tf.float32))


def _pad(vector, channels):
    return tf.pad(vector, [[0, channels - vector.shape[0]]])
