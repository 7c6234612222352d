"""Normalisation, activation and moments of groups of instances in as few passes as TensorFlow has.

On a CPU these steps are bound by memory, not by arithmetic. A scale and an offset per channel are a
1x1 depthwise convolution with bias, which is one pass, and one kernel with the activation behind
it; product, sum and ReLU by themselves are three passes.
"""

import typing

import numpy as np
import tensorflow as tf

from elastic_tf import replicas

# Of TensorFlow's batch normalisation, where only its scale and offset are wanted: the variance
# passed is 1 less this.
EPSILON = 1e-3

ACTIVATIONS = {None: tf.identity, "relu": tf.nn.relu, "relu6": tf.nn.relu6}
_GRADIENTS = {
    None: lambda upstream, outputs: upstream,
    "relu": lambda upstream, outputs: tf.raw_ops.ReluGrad(gradients=upstream, features=outputs),
    "relu6": lambda upstream, outputs: tf.raw_ops.Relu6Grad(gradients=upstream, features=outputs),
}


def scale_offset(images, scale, offset, activation="relu"):
    """Returns `activation(images * scale + offset)`.

    Args:
        images: float tensor `(batch, height, width, channels)`, not empty.
        scale: float32 tensor or array `(channels,)`.
        offset: float32 tensor or array `(channels,)`.
        activation: a key of `ACTIVATIONS`.
    """
    if activation is None:
        # Where a sum follows a depthwise convolution and bias, the graph optimiser of TensorFlow
        # 2.21 makes an operation without a name, and gives up.
        return _affine(images, scale, offset)
    kernel = tf.reshape(tf.cast(scale, images.dtype), [1, 1, -1, 1])
    scaled = tf.nn.depthwise_conv2d(images, kernel, [1, 1, 1, 1], "SAME")
    return ACTIVATIONS[activation](tf.nn.bias_add(scaled, tf.cast(offset, images.dtype)))


def _affine(images, scale, offset):
    channels = images.shape[-1]
    return tf.raw_ops.FusedBatchNormV3(
        x=images,
        scale=scale,
        offset=offset,
        mean=tf.zeros(channels),
        variance=tf.constant(1 - EPSILON, shape=[channels]),
        epsilon=EPSILON,
        is_training=False,
    ).y


def trained_scale_offset(images, scale, offset, activation="relu"):
    """Returns the same, with a gradient of two kernels.

    The gradient is that of a batch normalisation in inference, whose backward kernel gives those
    of images, scale and offset at once. There is no second derivative. Not for inference:
    TensorFlow keeps every graph with a custom gradient for good.

    Args, types: as `scale_offset`.
    """

    @tf.custom_gradient
    def run(images, scale, offset):
        outputs = scale_offset(images, scale, offset, activation)

        def gradient(upstream):
            zeros = tf.zeros(images.shape[-1])
            gradients = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=_GRADIENTS[activation](upstream, outputs),
                x=images,
                scale=scale,
                reserve_space_1=zeros,
                reserve_space_2=tf.constant(1 - EPSILON, shape=zeros.shape),
                reserve_space_3=zeros,
                epsilon=EPSILON,
                is_training=False,
            )
            return gradients.x_backprop, gradients.scale_backprop, gradients.offset_backprop

        return outputs, gradient

    return run(images, scale, offset)


class GroupMoments(typing.NamedTuple):
    """What one group of instances adds to the moments of the channels it uses.

    Attributes:
        count: float32 scalar tensor, or a float where it is known, values per channel.
        mean: float32 `(channels,)`.
        squares: float32 `(channels,)`, sum of the squared deviations from that mean.
    """

    count: tf.Tensor
    mean: tf.Tensor
    squares: tf.Tensor


def measure(images, count=None):
    """Returns the `GroupMoments` of a group.

    Args:
        images: float tensor `(batch, height, width, channels)`; not empty in a graph.
        count: int32 scalar, how many images at the front are of the group; 0 to `batch`. `None`
            for all.
    """
    height, width, channels = images.shape[1:]
    if images.shape[0] == 0:
        return GroupMoments(0.0, tf.zeros(channels), tf.zeros(channels))
    values = float(height * width)
    if count is None:
        return GroupMoments(values * _batch_size(images), *mean_and_squares(images))
    mean, squares = mean_and_squares(images[: tf.maximum(count, 1)])
    is_group = tf.cast(count > 0, tf.float32)
    return GroupMoments(values * tf.cast(count, tf.float32), mean, squares * is_group)


def _batch_size(images):
    """Returns the number of images as a float where it is known, else a float32 scalar tensor."""
    batch = images.shape[0]
    return tf.cast(tf.shape(images)[0], tf.float32) if batch is None else float(batch)


@tf.custom_gradient
def mean_and_squares(images):
    """Returns the mean and the sum of squared deviations of every channel.

    By the statistics of TensorFlow's batch normalisation, which makes two passes in one kernel: the
    mean of squares less the square of the mean would cancel in float32.

    Args:
        images: float tensor `(batch, height, width, channels)`, not empty.

    Returns:
        Two float32 tensors `(channels,)`.
    """
    count = _batch_size(images) * float(np.prod(images.shape[1:3]))
    ones, nothing = tf.ones(images.shape[-1]), tf.zeros(0)
    norm = tf.raw_ops.FusedBatchNormV3(
        x=images,
        scale=ones,
        offset=ones,
        mean=nothing,
        variance=nothing,
        epsilon=EPSILON,
        is_training=True,
    )
    mean = norm.batch_mean
    squares = norm.batch_variance * tf.maximum(count - 1.0, 1.0)  # It is Bessel's.

    def gradient(mean_up, squares_up):
        # The mean within `squares` has no gradient: the deviations from it sum to zero.
        scale = 2 * squares_up
        return _affine(images, scale, mean_up / count - scale * mean)

    return (mean, squares), gradient


def merge_moments(groups, channels):
    """Returns the moments of groups of instances that use prefixes of the channels.

    Args:
        groups: list of `GroupMoments`, each of at most `channels` channels.
        channels: int, the full width.

    Returns:
        count: float32 `(channels,)`, how many values each channel has; an array where that is
            known when the graph is made.
        mean: float32 `(channels,)`, 0 where the count is 0.
        variance: float32 `(channels,)`, of the population, 0 where the count is 0.

    Reference: Chan, Golub and LeVeque, 1983, on merging variances.
    """
    usage = [np.arange(channels) < group.mean.shape[0] for group in groups]
    counts = [group.count for group in groups]
    if all(isinstance(count, float) for count in counts):  # Constants make smaller graphs.
        counts = np.float32(counts)[:, np.newaxis] * np.float32(usage)
        count = counts.sum(axis=0)
        size = np.maximum(count, 1)
    else:
        counts = tf.stack(counts)[:, tf.newaxis] * np.float32(usage)
        count = tf.reduce_sum(counts, axis=0)
        size = tf.maximum(count, 1.0)
    if len(groups) == 1:
        return count, _pad(groups[0].mean, channels), _pad(groups[0].squares, channels) / size
    means = tf.stack([_pad(group.mean, channels) for group in groups])
    squares = tf.stack([_pad(group.squares, channels) for group in groups])
    return count, *_merge(counts, size, means, squares)


def _merge(counts, size, means, squares):
    """Returns mean and variance of all from those of parts, each a row `(parts, channels)`."""
    mean = tf.reduce_sum(counts * means, axis=0) / size
    between = counts * tf.math.squared_difference(means, mean)
    return mean, tf.reduce_sum(squares + between, axis=0) / size


def merge_replicas(count, mean, variance):
    """Returns the moments over all replicas from those of this one, in the form of the latter.

    Args:
        count, mean, variance: as `merge_moments` returns them.

    Reference: as of `merge_moments`.
    """
    if replicas.count() == 1:
        return count, mean, variance
    # One exchange, and no difference of two sums of squares, which would cancel.
    counts, means, variances = tf.unstack(
        replicas.gathered(tf.stack([[count, mean, variance]])), axis=1
    )
    count = tf.reduce_sum(counts, axis=0)
    return count, *_merge(counts, tf.maximum(count, 1.0), means, counts * variances)


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


def normalise(images, norm, activation, training):
    """Returns `activation(images * scale + offset)` in the type of `images`.

    Args:
        images: float tensor `(batch, height, width, channels)`, not empty.
        norm: pair of float32 tensors, scale and offset, of at least `channels` entries.
        activation: a key of `ACTIVATIONS`.
        training: bool. Whether gradients are wanted.
    """
    channels = images.shape[-1]
    scale, offset = (
        vector if vector.shape[0] == channels else tf.slice(vector, [0], [channels])
        for vector in norm
    )
    return (trained_scale_offset if training else scale_offset)(images, scale, offset, activation)
