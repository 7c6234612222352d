"""The kernels of all levels, cut out of one."""

import tensorflow as tf


def nested_kernels(kernel, widths):
    """Returns a kernel for each width, each cut out of the next wider one.

    Cut like this, the gradient of a narrow kernel is added to that of the next wider one, so that
    the sums are as small as the kernels; cut out of the whole, each would be padded to full size.

    Args:
        kernel: tensor `(height, width, in_channels, filters)`.
        widths: list of pairs of ints, input channels and filters, in rising order, at most those
            of `kernel`.

    Returns:
        List of tensors, one for each pair.
    """
    kernels = []
    for in_channels, filters in reversed(widths):
        if (in_channels, filters) != tuple(kernel.shape[2:]):
            # Not by index: the gradient of `tf.slice` is a padding, several times as fast.
            kernel = tf.slice(kernel, [0, 0, 0, 0], [*kernel.shape[:2], in_channels, filters])
        kernels.append(kernel)
    return kernels[::-1]
