"""Normalisation, ReLU and moments of groups of instances in as few passes as TensorFlow allows.

On a CPU these steps are bound by memory, not by arithmetic. A scale and an offset per channel are a
1x1 depthwise convolution with bias, which is one pass, and one kernel with the ReLU behind it;
product, sum and ReLU by themselves are three passes.
"""

import typing

import numpy as np
import tensorflow as tf

from elastic_tf.costs.cost_table import same_output_size

# Of TensorFlow's batch normalisation, where only its scale and offset are wanted: the variance
# passed is 1 less this.
EPSILON = 1e-3


def scale_offset(images, scale, offset):
    """Returns `images * scale + offset`.

    Args:
        images: float tensor `(batch, height, width, channels)`, not empty.
        scale: tensor or array `(channels,)` of the same type.
        offset: tensor or array `(channels,)` of the same type.
    """
    kernel = tf.reshape(scale, [1, 1, -1, 1])
    return tf.nn.bias_add(tf.nn.depthwise_conv2d(images, kernel, [1, 1, 1, 1], "SAME"), offset)


@tf.custom_gradient
def scale_offset_relu(images, scale, offset):
    """Returns `relu(images * scale + offset)`, with a gradient of two kernels.

    The gradient is that of a batch normalisation in inference, whose backward kernel gives those
    of images, scale and offset at once. There is no second derivative.

    Args, types: as `scale_offset`; float32.
    """
    outputs = tf.nn.relu(scale_offset(images, scale, offset))

    def gradient(upstream):
        zeros = tf.zeros_like(scale)
        gradients = tf.raw_ops.FusedBatchNormGradV3(
            y_backprop=tf.raw_ops.ReluGrad(gradients=upstream, features=outputs),
            x=images,
            scale=scale,
            reserve_space_1=zeros,
            reserve_space_2=zeros + (1 - EPSILON),
            reserve_space_3=zeros,
            epsilon=EPSILON,
            is_training=False,
        )
        return gradients.x_backprop, gradients.scale_backprop, gradients.offset_backprop

    return outputs, gradient


def channel_sums(images):
    """Returns the sums over all but the last axis, `(channels,)`.

    As the gradient of a bias, whose kernel takes half the time of `tf.reduce_sum`.
    """
    return tf.raw_ops.BiasAddGrad(out_backprop=images)


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


def measure(images):
    """Returns the `GroupMoments` of a group `(batch, height, width, channels)`, empty or not."""
    return GroupMoments(values_per_channel(images), *_moments(images))


def norm_relu(images, norm):
    """Returns `relu(images * scale + offset)` of a group, empty or not.

    Args:
        images: float tensor `(batch, height, width, channels)`.
        norm: pair of float32 tensors, scale and offset, of at least `channels` entries.
    """
    (outputs,) = _unless_empty(lambda: [_norm_relu(images, norm)], images, [images])
    return tf.ensure_shape(outputs, images.shape)


def norm_relu_conv(images, kernel, norm=None, strides=1, measured=False):
    """Returns `conv(norm_relu(images))`, and on request the moments of the outputs.

    One condition around all of it: every condition costs time at each step, and more when the
    graph is made.

    Args:
        images: float tensor `(batch, height, width, channels)`, which may be empty.
        kernel: float tensor `(side, side, channels, filters)`.
        norm: pair of float32 tensors, scale and offset, each of at least `channels` entries; or
            `None` for neither norm nor ReLU.
        strides: int, pixels.
        measured: bool. Whether to return moments.

    Returns:
        outputs: float tensor `(batch, ceil(height / strides), ceil(width / strides), filters)`.
        moments: `GroupMoments` of the outputs; `None` unless `measured`.
    """
    size = [same_output_size(side, strides) for side in images.shape[1:3]]
    filters = kernel.shape[-1]

    def run():
        hidden = images if norm is None else _norm_relu(images, norm)
        outputs = tf.nn.conv2d(hidden, kernel, strides, "SAME")
        return [outputs, _moments(outputs)] if measured else [outputs]

    empty = [tf.zeros((0, *size, filters), images.dtype)]
    results = _unless_empty(run, images, empty + [_no_moments(filters)] * measured)
    outputs = tf.ensure_shape(results[0], (images.shape[0], *size, filters))
    return outputs, GroupMoments(values_per_channel(outputs), *results[1]) if measured else None


def _norm_relu(images, norm):
    scale, offset = (vector[: images.shape[-1]] for vector in norm)
    outputs = scale_offset_relu(tf.cast(images, tf.float32), scale, offset)
    return tf.cast(outputs, images.dtype)


def _moments(images):
    return list(mean_and_squares(tf.cast(images, tf.float32)))


def _no_moments(channels):
    return [tf.zeros(channels), tf.zeros(channels)]


def _unless_empty(run, images, empty):
    if images.shape[0]:  # Known not to be empty.
        return run()
    return tf.cond(tf.shape(images)[0] > 0, run, lambda: empty)
