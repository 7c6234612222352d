"""Multiply-accumulates (MACs) of the layers that have any worth counting.

The field's convention: convolutions and dense layers count; normalisation, activation, pooling
and additions do not. Padding counts like image, so 'same' padding costs what the kernel covers.
"""


def same_output_size(size, strides):
    """Returns the height (or width) after a 'same'-padded convolution, in pixels."""
    return -(-size // strides)


def conv2d_macs(output_size, kernel_size, in_channels, out_channels):
    """Returns the MACs of a 2D convolution for one image.

    Args:
        output_size: `(height, width)` of the output, pixels.
        kernel_size: int, side of the square kernel, pixels.
        in_channels: int.
        out_channels: int.

    Returns:
        int.
    """
    height, width = output_size
    return int(height) * int(width) * kernel_size**2 * int(in_channels) * int(out_channels)


def dense_macs(in_units, out_units):
    """Returns the MACs of a dense layer for one example, an int."""
    return int(in_units) * int(out_units)
