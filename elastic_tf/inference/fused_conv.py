"""A convolution in the shape that TensorFlow runs as one kernel instead of three."""

import tensorflow as tf


def conv_bias_relu(images, kernel, bias, strides=1):
    """Returns `relu(conv(images) + bias)`, 'same' padding.

    With a constant kernel, the graph optimiser makes one kernel of it.

    Args:
        images: float32 tensor `(batch, height, width, channels)`, not empty.
        kernel: float32 array `(side, side, channels, filters)`.
        bias: float32 array `(filters,)`.
        strides: int, pixels.
    """
    return tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(images, kernel, strides, "SAME"), bias))
