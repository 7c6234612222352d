"""Multiply-accumulates (MACs): what layers cost, and what every model of a task costs."""

import numpy as np
import tensorflow as tf


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


class CostTable:
    """What every model of one task costs.

    A block's outer width does not depend on its level, so the cost of a model is a sum with one
    term per block, and a table of `blocks x levels` holds all `levels ** blocks` models.

    Args:
        fixed_macs: int. MACs that every model spends: stem and head.
        block_macs: int array `(blocks, levels)`. MACs of each block at each level.
        channels: int array `(blocks, levels)`. Hidden channels used at each level.
        selector_macs: int. MACs of the selector, spent once per image. Defaults to 0.
        head_macs: int. Those of `fixed_macs` that the head spends. Defaults to 0.

    Raises:
        ValueError: if `block_macs` and `channels` are not tables of the same shape.
    """

    def __init__(self, fixed_macs, block_macs, channels, selector_macs=0, head_macs=0):
        self.fixed_macs = int(fixed_macs)
        self.block_macs = np.asarray(block_macs, np.int64)
        self.channels = np.asarray(channels, np.int64)
        self.selector_macs = int(selector_macs)
        self.head_macs = int(head_macs)
        if self.block_macs.ndim != 2 or self.block_macs.shape != self.channels.shape:
            raise ValueError(
                "`block_macs` and `channels` must be tables of the same shape (blocks, levels). "
                f"Received: block_macs.shape={self.block_macs.shape}, "
                f"channels.shape={self.channels.shape}"
            )

    @property
    def num_blocks(self):
        return self.block_macs.shape[0]

    @property
    def num_levels(self):
        return self.block_macs.shape[1]

    @property
    def full_macs(self):
        """MACs of the full model alone, without the selector: what a standalone network costs."""
        return self.fixed_macs + int(self.block_macs[:, -1].sum())

    @property
    def block_shares(self):
        """`block_macs` as shares of `full_macs`, float64 array `(blocks, levels)`."""
        return self.block_macs / self.full_macs

    def macs(self, levels, with_selector=True):
        """Returns the MACs really executed for each image.

        Args:
            levels: int tensor `(..., blocks)`.
            with_selector: bool. Whether to count the selector; a fixed model needs none.

        Returns:
            int64 tensor `(...)`.
        """
        total = tf.reduce_sum(self._look_up(self.block_macs, levels), axis=-1)
        return total + self.fixed_macs + (self.selector_macs if with_selector else 0)

    def macs_share(self, levels, with_selector=True):
        """Returns `macs` as a share of `full_macs`.

        The full model needs no selector, so the share of a selected model can exceed 1.

        Args:
            levels: int tensor `(..., blocks)`.
            with_selector: bool.

        Returns:
            float32 tensor `(...)`.
        """
        macs = self.macs(levels, with_selector)
        return tf.cast(tf.cast(macs, tf.float64) / self.full_macs, tf.float32)

    def density(self, levels):
        """Returns the share of channel groups used: the mean over blocks of `c_l / C`.

        Args:
            levels: int tensor `(..., blocks)`.

        Returns:
            float32 tensor `(...)` in [0, 1]; 1 for the full model.

        Reference: Ahn et al., 2019, section 3; the method's departure 8 on full width.
        """
        shares = (self.channels / self.channels[:, -1:]).astype(np.float32)
        return tf.reduce_mean(self._look_up(shares, levels), axis=-1)

    def gated_macs_share(self, gates):
        """Returns `macs_share` of gates: for one-hot gates that of their levels.

        Linear in the gates, and differentiable.

        Args:
            gates: float32 tensor `(..., blocks, levels)`, whose last axis adds up to 1.

        Returns:
            float32 tensor `(...)`.
        """
        fixed = self.fixed_macs + self.selector_macs
        shares = tf.constant(self.block_macs / self.full_macs, tf.float32)
        return tf.reduce_sum(gates * shares, axis=[-2, -1]) + fixed / self.full_macs

    def gated_density(self, gates):
        """Returns `density` of gates, as `gated_macs_share`."""
        shares = tf.constant(self.channels / self.channels[:, -1:], tf.float32)
        return tf.reduce_mean(tf.reduce_sum(gates * shares, axis=-1), axis=-1)

    def _look_up(self, table, levels):
        levels = tf.cast(levels, tf.int32)
        if levels.shape[-1] != self.num_blocks:
            raise ValueError(
                f"`levels` must end in {self.num_blocks} entries, one for each block. "
                f"Received: levels.shape={tuple(levels.shape)}"
            )
        first_of_block = np.arange(self.num_blocks, dtype=np.int32) * self.num_levels
        return tf.gather(table.reshape(-1), levels + first_of_block)
