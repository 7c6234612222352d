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
    normalise,
)
from elastic_tf.settings import Configured

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


@keras.saving.register_keras_serializable("elastic_tf")
class TaskBatchNormalization(Configured, keras.layers.Layer):
    """Batch normalisation shared by tasks, with running averages of each task's own.

    Scale and offset are shared; the running mean and variance are kept per task, because the
    tasks' features differ and averages over both describe neither. In training, the moments of a
    channel are taken over exactly the instances that use it; a channel that no instance of the
    batch uses keeps its averages. A channel with a single value, one pixel of one image, has no
    variance to be normalised with: the running averages serve, as in inference, and the value
    moves the running mean alone. In inference the running averages of `task` serve, so that a
    prediction does not depend on the rest of the batch.

    Args:
        tasks: list of str. Names of the tasks.
        momentum: float in [0, 1). Weight of the past in the running averages. Defaults to 0.9.
        epsilon: float above 0, added to the variance. Defaults to 1e-3.
        activation: `None`, `"relu"` or `"relu6"`, which cost less here than by themselves.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.
        task: str, by keyword.
        usage: bool tensor `(batch, channels)`: which instance uses which channel. `None`: all
            use all.
        training: bool. Defaults to `False`.

    Output shape: that of `inputs`.

    Attributes:
        keeps_averages: bool, `False` at first. Whether the running averages serve in training too,
            and stay as they are.

    Raises:
        ValueError: if an argument is out of range or `task` is not one of `tasks`.

    Reference: Ioffe and Szegedy, 2015 (arXiv 1502.03167); Yu et al., 2019 (arXiv 1812.08928) on
    the averages of nested widths.
    """

    def __init__(self, tasks, momentum=0.9, epsilon=1e-3, activation=None, **kwargs):
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
        self.tasks = tasks
        self.momentum = momentum
        self.epsilon = epsilon
        self.activation = activation
        self.keeps_averages = False

    def build(self, input_shape):
        self.channels = input_shape[-1]
        self.gamma = self._add_vector("gamma", "ones")
        self.beta = self._add_vector("beta", "zeros")
        self.moving_means = {
            task: self._add_vector(f"{task}_moving_mean", "zeros", trainable=False)
            for task in self.tasks
        }
        self.moving_variances = {
            task: self._add_vector(f"{task}_moving_variance", "ones", trainable=False)
            for task in self.tasks
        }

    def call(self, inputs, task=None, usage=None, training=False):
        return run_unless_empty(
            lambda images: self.run(images, task, usage, training), inputs, inputs.shape[1:]
        )

    def run(self, inputs, task, usage=None, training=False, differentiable=None):
        """As a call, for inputs that are not empty.

        Args:
            inputs, task, usage, training: see the call arguments.
            differentiable: bool. Whether a gradient is wanted; `None` for that in training alone.
        """
        measures = self.measures(training)
        if usage is not None and measures:
            norm = self._normalisation(task, masked_moments(tf.cast(inputs, tf.float32), usage))
        else:
            norm = self.scale_and_offset(task, [measure(inputs)] if measures else None)
        return normalise(
            inputs, norm, self.activation, training if differentiable is None else differentiable
        )

    def measures(self, training):
        """Returns whether the moments of the batch serve, a bool."""
        return training and not (self.keeps_averages and pool_of(self) is None)

    def scale_and_offset(self, task, groups=None):
        """Returns what the layer does as `inputs * scale + offset`, for a caller that fuses it.

        Args:
            task: str.
            groups: list of `GroupMoments` of the batch, one for each group of instances that use
                the same prefix of the channels: the running averages are updated, and the batch's
                moments serve. `None`: the running averages serve, as in inference.

        Returns:
            Two float32 tensors `(channels,)`, differentiable with respect to the moments.
        """
        return self._normalisation(task, groups and merge_moments(groups, self.channels))

    def set_averages(self, task, count, mean, variance):
        """Replaces the running averages of a task; channels of fewer than two values keep theirs.

        Args:
            task: str.
            count: float tensor `(channels,)`, how many values the others are taken over.
            mean: float32 tensor `(channels,)`.
            variance: float32 tensor `(channels,)`.
        """
        for averages, value in ((self.moving_means, mean), (self.moving_variances, variance)):
            averages[task].assign(_where(count > 1, value, averages[task]))

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

    def _normalisation(self, task, moments):
        if task not in self.tasks:
            raise ValueError(f"`task` must be one of {self.tasks}. Received: task={task}")
        mean = tf.convert_to_tensor(self.moving_means[task])
        variance = tf.convert_to_tensor(self.moving_variances[task])
        if moments is not None:
            running = mean, variance
            count, mean, variance = moments
            self._keep(task, count, mean, variance)
            # Less their own mean, single values would all be 0, and say nothing.
            varies = count > 1
            mean, variance = map(_where, (varies, varies), (mean, variance), running)
        scale = self.gamma * tf.math.rsqrt(variance + self.epsilon)
        return scale, self.beta - mean * scale

    def _keep(self, task, count, mean, variance):
        pool = pool_of(self)
        if pool is not None:
            pool.add(count, mean, variance)
            return
        self._update(self.moving_means[task], mean, count > 0)
        self._update(self.moving_variances[task], variance, count > 1)

    def _update(self, average, value, used):
        moved = average + (1 - self.momentum) * (value - average)
        average.assign(_where(used, moved, average))


def _where(condition, value, other):
    """Returns `tf.where`; `value` by itself where the condition is known to hold."""
    if isinstance(condition, np.ndarray) and condition.all():
        return value
    return tf.where(condition, value, other)
