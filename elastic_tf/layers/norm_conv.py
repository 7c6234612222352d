"""Norm, ReLU, convolution and moments of one group of instances, all skipped where it is empty."""

import tensorflow as tf

from elastic_tf.costs.macs import same_output_size
from elastic_tf.layers.fused_ops import scale_offset_relu
from elastic_tf.layers.moments import GroupMoments, mean_and_squares, values_per_channel


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
