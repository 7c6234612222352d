"""Moments of a channel over the values of many batches."""

import contextlib
import contextvars

import tensorflow as tf

_POOLS = contextvars.ContextVar("pools", default=None)


class PooledMoments:
    """Mean and variance of every channel over all values of all batches added.

    The variance is that of the pooled values, the batches' own and that between their means. In
    inference it is this that an image meets: its features vary around one mean. The mean of the
    batches' variances would leave out what their means differ by, which is much where few images
    of a batch use a channel; and it would depend on how the images fell into batches.

    Sums are kept in float64, as the values of a channel are more than float32 can count.

    Args:
        channels: int.

    Reference: Chan, Golub and LeVeque, 1983, on merging variances.
    """

    def __init__(self, channels):
        with tf.init_scope():  # Also where a graph is being made.
            self._count, self._mean, self._squares = (
                tf.Variable(tf.zeros(channels, tf.float64), trainable=False) for _ in range(3)
            )

    def add(self, count, mean, variance):
        """Adds the moments of a batch.

        Args:
            count: float32 tensor `(channels,)`, how many values each channel has.
            mean: float32 tensor `(channels,)`.
            variance: float32 tensor `(channels,)`, of the population.
        """
        count, mean, variance = (tf.cast(vector, tf.float64) for vector in (count, mean, variance))
        total = self._count + count
        share = tf.math.divide_no_nan(count, total)
        shift = mean - self._mean
        between = tf.square(shift) * self._count * share
        self._squares.assign_add(count * variance + between)
        self._mean.assign_add(shift * share)
        self._count.assign(total)

    def result(self):
        """Returns count, mean and variance, float32 tensors `(channels,)`; 0 without values."""
        variance = tf.math.divide_no_nan(self._squares, self._count)
        return tuple(tf.cast(vector, tf.float32) for vector in (self._count, self._mean, variance))


@contextlib.contextmanager
def pooling(pools):
    """Within it, normalisations in training add to pools and leave their averages as they are.

    Args:
        pools: dict from `TaskBatchNormalization` to `PooledMoments`; layers that are new to it
            are added, in a graph when it is first made. For calls of a single task.
    """
    token = _POOLS.set(pools)
    try:
        yield
    finally:
        _POOLS.reset(token)


def pool_of(layer):
    """Returns the `PooledMoments` that a layer is to add to; `None` outside of `pooling`."""
    pools = _POOLS.get()
    if pools is None:
        return None
    if layer not in pools:
        pools[layer] = PooledMoments(layer.channels)
    return pools[layer]
