"""Batch normalisation whose running averages belong to a task."""

import contextlib
import contextvars

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.layers.elastic_conv import run_unless_empty
from elastic_tf.layers.norm_ops import (
    ACTIVATIONS,
    masked_moments,
    measure,
    merge_moments,
    merge_replicas,
    normalise,
)
from elastic_tf.settings import Configured, check_integer

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
        pools: dict from pairs of a `TaskBatchNormalization` and a level, see there, to
            `PooledMoments`; what is new to it is added, in a graph when it is first made. For
            calls of a single task.
    """
    token = _POOLS.set(pools)
    try:
        yield
    finally:
        _POOLS.reset(token)


def pool_of(layer, level=None):
    """Returns the `PooledMoments` that a layer is to add to; `None` outside of `pooling`."""
    pools = _POOLS.get()
    if pools is None:
        return None
    if (layer, level) not in pools:
        pools[layer, level] = PooledMoments(layer.channels)
    return pools[layer, level]


@keras.saving.register_keras_serializable("elastic_tf")
class TaskBatchNormalization(Configured, keras.layers.Layer):
    """Batch normalisation shared by tasks, with running averages of each task's own.

    Scale and offset are shared; the running mean and variance are kept per task, because the
    tasks' features differ and averages over both describe neither. In training, the moments of a
    channel are taken over exactly the instances that use it, those on other devices too; a channel
    that no instance of the batch uses keeps its averages. A channel with a single value, one pixel
    of one image, has no variance to be normalised with: the running averages serve, as in
    inference, and the value moves the running mean alone. In inference the running averages of
    `task` serve, so that a prediction does not depend on the rest of the batch.

    With `num_levels` every level has moments and running averages of its own too: for features
    that are sums over as many channels as a level has, whose mean and variance change with it.

    Args:
        tasks: list of str. Names of the tasks.
        momentum: float in [0, 1). Weight of the past in the running averages. Defaults to 0.9.
        epsilon: float above 0, added to the variance. Defaults to 1e-3.
        activation: `None`, `"relu"` or `"relu6"`, which cost less here than by themselves.
        num_levels: int, or `None` for averages that all levels share. Defaults to `None`.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.
        task: str, by keyword.
        usage: bool tensor `(batch, channels)`: which instance uses which channel. `None`: all
            use all.
        training: bool. Defaults to `False`.
        level: int, whose features these are; `None` for the top level. Only with `num_levels`.

    Output shape: that of `inputs`.

    Attributes:
        keeps_averages: bool, `False` at first. Whether the running averages serve in training too,
            and stay as they are.

    Raises:
        ValueError: if an argument is out of range or `task` is not one of `tasks`.

    Reference: Ioffe and Szegedy, 2015 (arXiv 1502.03167); Yu et al., 2019 (arXiv 1812.08928) on
    averages for every width.
    """

    def __init__(
        self, tasks, momentum=0.9, epsilon=1e-3, activation=None, num_levels=None, **kwargs
    ):
        super().__init__(**kwargs)
        tasks = list(tasks)
        if not tasks or len(set(tasks)) < len(tasks):
            raise ValueError(f"`tasks` must be a list of different names. Received: tasks={tasks}")
        if not 0 <= momentum < 1:
            raise ValueError(f"`momentum` must be in [0, 1). Received: momentum={momentum}")
        if not epsilon > 0:
            raise ValueError(f"`epsilon` must be above 0. Received: epsilon={epsilon}")
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"`activation` must be one of {tuple(ACTIVATIONS)}. Received: {activation=}"
            )
        if num_levels is not None:
            check_integer("num_levels", num_levels, 1)
        self.tasks = tasks
        self.momentum = momentum
        self.epsilon = epsilon
        self.activation = activation
        self.num_levels = num_levels
        self.keeps_averages = False

    def build(self, input_shape):
        self.channels = input_shape[-1]
        self.gamma = self._add_vector("gamma", "ones")
        self.beta = self._add_vector("beta", "zeros")
        levels = [None] if self.num_levels is None else range(self.num_levels)
        owners = [self._owner(task, level) for task in self.tasks for level in levels]
        self.moving_means = {
            owner: self._add_vector(f"{owner}_moving_mean", "zeros", trainable=False)
            for owner in owners
        }
        self.moving_variances = {
            owner: self._add_vector(f"{owner}_moving_variance", "ones", trainable=False)
            for owner in owners
        }

    def _owner(self, task, level):
        if self.num_levels is None:
            return task
        return f"{task}_level{self.num_levels - 1 if level is None else level}"

    def averages(self, task, level=None):
        """Returns the running mean and variance of a task, and of a level, two variables.

        Args:
            task: str.
            level: int, or `None` for the top level; of no matter without `num_levels`.

        Raises:
            ValueError: if `task` is not one of `tasks`.
        """
        if task not in self.tasks:
            raise ValueError(f"`task` must be one of {self.tasks}. Received: task={task}")
        owner = self._owner(task, level)
        return self.moving_means[owner], self.moving_variances[owner]

    def call(self, inputs, task=None, usage=None, training=False, level=None):
        return run_unless_empty(
            lambda images: self.run(images, task, usage, training, level=level),
            inputs,
            inputs.shape[1:],
        )

    def run(self, inputs, task, usage=None, training=False, differentiable=None, level=None):
        """As a call, for inputs that are not empty.

        Args:
            inputs, task, usage, training, level: see the call arguments.
            differentiable: bool. Whether a gradient is wanted; `None` for that in training alone.
        """
        norm = self.masked_scale_and_offset(inputs, task, usage, training, level)
        return normalise(
            inputs, norm, self.activation, training if differentiable is None else differentiable
        )

    def measures(self, training):
        """Returns whether the moments of the batch serve, a bool."""
        return training and not (self.keeps_averages and _POOLS.get() is None)

    def masked_scale_and_offset(self, inputs, task, usage=None, training=False, level=None):
        """Returns what the layer does as `inputs * scale + offset`; see the call arguments."""
        measures = self.measures(training)
        if usage is not None and measures:
            moments = masked_moments(tf.cast(inputs, tf.float32), usage)
            return self._normalisation(task, moments, level)
        return self.scale_and_offset(task, [measure(inputs)] if measures else None, level)

    def scale_and_offset(self, task, groups=None, level=None):
        """Returns what the layer does as `inputs * scale + offset`, for a caller that fuses it.

        Args:
            task: str.
            groups: list of `GroupMoments` of the batch, one for each group of instances that use
                the same prefix of the channels: the running averages are updated, and the batch's
                moments serve. `None`: the running averages serve, as in inference.
            level: int, see `averages`.

        Returns:
            Two float32 tensors `(channels,)`, differentiable with respect to the moments.
        """
        moments = groups and merge_moments(groups, self.channels)
        return self._normalisation(task, moments, level)

    def set_averages(self, task, count, mean, variance, level=None):
        """Replaces running averages; channels of fewer than two values keep theirs.

        Args:
            task: str.
            count: float tensor `(channels,)`, how many values the others are taken over.
            mean: float32 tensor `(channels,)`.
            variance: float32 tensor `(channels,)`.
            level: int, see `averages`.
        """
        for average, value in zip(self.averages(task, level), (mean, variance), strict=True):
            average.assign(_where(count > 1, value, average))

    def fill_averages(self, task, mean, variance):
        """Replaces the running averages of a task, those of all levels, by float `(channels,)`."""
        for level in range(self.num_levels or 1):
            self.set_averages(task, np.full(self.channels, np.inf), mean, variance, level)

    def compute_output_shape(self, input_shape):
        return input_shape

    def _add_vector(self, name, initializer, trainable=True):
        return self.add_weight(
            name=name,
            shape=(self.channels,),
            initializer=initializer,
            trainable=trainable,
            autocast=False,
            dtype="float32",
        )

    def _normalisation(self, task, moments, level=None):
        averages = self.averages(task, level)
        mean, variance = map(tf.convert_to_tensor, averages)
        if moments is not None:
            running = mean, variance
            count, mean, variance = merge_replicas(*moments)
            self._keep(averages, level, count, mean, variance)
            # Less their own mean, single values would all be 0, and say nothing.
            varies = count > 1
            mean, variance = map(_where, (varies, varies), (mean, variance), running)
        scale = self.gamma * tf.math.rsqrt(variance + self.epsilon)
        return scale, self.beta - mean * scale

    def _keep(self, averages, level, count, mean, variance):
        pool = pool_of(self, level)
        if pool is not None:
            pool.add(count, mean, variance)
            return
        self._update(averages[0], mean, count > 0)
        self._update(averages[1], variance, count > 1)

    def _update(self, average, value, used):
        moved = average + (1 - self.momentum) * (value - average)
        average.assign(_where(used, moved, average))


def _where(condition, value, other):
    """Returns `tf.where`; `value` by itself where the condition is known to hold."""
    if isinstance(condition, np.ndarray) and condition.all():
        return value
    return tf.where(condition, value, other)
