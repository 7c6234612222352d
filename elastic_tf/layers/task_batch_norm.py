"""Batch normalisation whose running averages belong to a task."""

import keras
import tensorflow as tf

from elastic_tf.layers.moments import grouped_moments, masked_moments


@keras.saving.register_keras_serializable("elastic_tf")
class TaskBatchNormalization(keras.layers.Layer):
    """Batch normalisation shared by tasks, with running averages of each task's own.

    Scale and offset are shared; the running mean and variance are kept per task, because the
    tasks' features differ and averages over both describe neither. In training, the moments of a
    channel are taken over exactly the instances that use it; a channel that no instance of the
    batch uses keeps its averages. In inference the running averages of `task` serve, so that a
    prediction does not depend on the rest of the batch.

    Args:
        tasks: list of str. Names of the tasks.
        momentum: float in [0, 1). Weight of the past in the running averages. Defaults to 0.9.
        epsilon: float above 0, added to the variance. Defaults to 1e-3.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`; or a list of such tensors, the
            groups, each with a prefix of the channels. The channel counts are static.
        task: str, by keyword.
        usage: bool tensor `(batch, channels)`, only with a single tensor: which
            instance uses which channel. `None`: all use all.
        training: bool. Defaults to `False`.

    Output shape: that of `inputs`; a list for a list.

    Raises:
        ValueError: if an argument is out of range or `task` is not one of `tasks`.

    Reference: Ioffe and Szegedy, 2015 (arXiv 1502.03167); Yu et al., 2019 (arXiv 1812.08928) on
    the averages of nested widths.
    """

    def __init__(self, tasks, momentum=0.9, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        tasks = list(tasks)
        if not tasks or len(set(tasks)) < len(tasks):
            raise ValueError(f"`tasks` must be a list of different names. Received: tasks={tasks}")
        if not 0 <= momentum < 1:
            raise ValueError(f"`momentum` must be in [0, 1). Received: momentum={momentum}")
        if not epsilon > 0:
            raise ValueError(f"`epsilon` must be above 0. Received: epsilon={epsilon}")
        self.tasks = tasks
        self.momentum = momentum
        self.epsilon = epsilon
        self.supports_jit = False

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
        if task not in self.tasks:
            raise ValueError(f"`task` must be one of {self.tasks}. Received: task={task}")
        groups = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        values = [tf.cast(group, tf.float32) for group in groups]
        if training:
            mean, variance = self._batch_statistics(values, task, usage)
        else:
            mean = tf.convert_to_tensor(self.moving_means[task])
            variance = tf.convert_to_tensor(self.moving_variances[task])
        scale = self.gamma * tf.math.rsqrt(variance + self.epsilon)
        offset = self.beta - mean * scale
        outputs = [self._affine(value, scale, offset) for value in values]
        outputs = [tf.cast(output, self.compute_dtype) for output in outputs]
        return outputs if isinstance(inputs, (list, tuple)) else outputs[0]

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {
            "tasks": self.tasks,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }

    def _add_vector(self, name, initializer, trainable=True):
        return self.add_weight(
            name=name,
            shape=(self.channels,),
            initializer=initializer,
            trainable=trainable,
            autocast=False,
            dtype="float32",
        )

    def _batch_statistics(self, values, task, usage):
        if usage is None:
            count, mean, variance = grouped_moments(values, self.channels)
        else:
            count, mean, variance = masked_moments(values[0], usage)
        used = count > 0
        self._update(self.moving_means[task], mean, used)
        self._update(self.moving_variances[task], variance, used)
        return mean, variance

    def _update(self, average, value, used):
        average.assign(tf.where(used, average + (1 - self.momentum) * (value - average), average))

    @staticmethod
    def _affine(value, scale, offset):
        channels = value.shape[-1]
        return value * scale[:channels] + offset[:channels]
