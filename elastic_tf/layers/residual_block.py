"""A pre-activation residual block whose hidden width is chosen per image."""

import keras
import tensorflow as tf

from elastic_tf.layers.elastic_block import ElasticBlock
from elastic_tf.layers.elastic_conv import ElasticConv2D
from elastic_tf.layers.routing import channel_usage, mask_features
from elastic_tf.layers.shortcut import PoolPadShortcut
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization


@keras.saving.register_keras_serializable("elastic_tf")
class ElasticResidualBlock(ElasticBlock):
    """BN-ReLU-conv twice beside a shortcut; level 0 is exactly the shortcut.

    The first normalisation takes its moments over the instances that run the branch at all, the
    second those of each hidden channel over the instances that use it. At level 0 nothing but
    the shortcut is evaluated.

    Args, call arguments, output shape, errors: see `ElasticBlock`. `ratios` must start with 0.

    Example:

    >>> block = ElasticResidualBlock(8, tasks=["digits"], ratios=(0.0, 0.5, 1.0))
    >>> images = tf.ones((3, 4, 4, 8))
    >>> block(images, levels=[0, 2, 1], task="digits").shape
    TensorShape([3, 4, 4, 8])

    Reference: Ahn et al., 2019, supplement section 1; He et al., 2016 (arXiv 1603.05027).
    """

    skippable = True

    def build(self, input_shape):
        width = self.channels_per_level[-1]
        hidden_shape = (*input_shape[:-1], width)
        norm = {"tasks": self.tasks, "momentum": self.momentum}
        self.shortcut = PoolPadShortcut(self.filters, self.strides, name="shortcut")
        self.norm1 = TaskBatchNormalization(**norm, name="norm1")
        self.conv1 = ElasticConv2D(width, strides=self.strides, name="conv1")
        self.norm2 = TaskBatchNormalization(**norm, name="norm2")
        self.conv2 = ElasticConv2D(self.filters, name="conv2")
        for layer in (self.shortcut, self.norm1, self.conv1):
            layer.build(input_shape)
        for layer in (self.norm2, self.conv2):
            layer.build(hidden_shape)

    def macs(self, input_size):
        middle = self.output_size(input_size)
        return tuple(
            self.conv1.macs(input_size, active_filters=width) + self.conv2.macs(middle, width)
            if width
            else 0
            for width in self.channels_per_level
        )

    def output_size(self, input_size):
        return self.conv1.output_size(input_size)

    def _run_groups(self, inputs, sizes, widths, task, training):
        outputs = tf.split(self.shortcut(inputs), sizes, num=len(widths))
        rows = tf.split(inputs, sizes, num=len(widths))
        running = [group for group, width in enumerate(widths) if width]
        hidden = self.norm1([rows[group] for group in running], task=task, training=training)
        hidden = [
            self.conv1(tf.nn.relu(rows), active_filters=widths[group])
            for group, rows in zip(running, hidden, strict=True)
        ]
        hidden = self.norm2(hidden, task=task, training=training)
        for group, rows in zip(running, hidden, strict=True):
            outputs[group] += self.conv2(tf.nn.relu(rows))
        return tf.concat(outputs, axis=0)

    def _run_masked(self, inputs, levels, task, training):
        usage = channel_usage(levels, self.channels_per_level)
        runs = usage[:, :1]
        runs_inputs = tf.repeat(runs, inputs.shape[-1], axis=1)
        hidden = self.norm1(inputs, task=task, usage=runs_inputs, training=training)
        hidden = mask_features(self.conv1(tf.nn.relu(hidden)), usage)
        hidden = self.norm2(hidden, task=task, usage=usage, training=training)
        residual = self.conv2(mask_features(tf.nn.relu(hidden), usage))
        return self.shortcut(inputs) + mask_features(residual, runs)
