"""A guard for operations that TensorFlow gets wrong on an empty batch."""

import tensorflow as tf


def run_unless_empty(operation, inputs, output_shape, dtype=None):
    """Runs an operation on images, or gives an empty output where there are none.

    TensorFlow 2.21's oneDNN convolution returns a wrong shape for an empty batch inside a graph,
    and its pooling stops the process with a division by zero.

    Args:
        operation: function from `inputs` to a tensor `(batch, *output_shape)`.
        inputs: tensor `(batch, height, width, channels)`; height and width are static.
        output_shape: tuple of ints.
        dtype: dtype of the output; `None` for that of `inputs`.

    Returns:
        Tensor `(batch, *output_shape)`.
    """
    if inputs.shape[0]:  # Known not to be empty.
        return operation(inputs)
    outputs = tf.cond(
        tf.shape(inputs)[0] > 0,
        lambda: operation(inputs),
        lambda: tf.zeros((0, *output_shape), dtype or inputs.dtype),
    )
    return tf.ensure_shape(outputs, (inputs.shape[0], *output_shape))
