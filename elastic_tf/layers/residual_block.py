"""A pre-activation residual block whose hidden width is chosen per image."""

import keras
import tensorflow as tf

from elastic_tf.layers.elastic_block import ElasticBlock
from elastic_tf.layers.elastic_conv import ElasticConv2D
from elastic_tf.layers.nested_kernels import nested_kernels
from elastic_tf.layers.norm_conv import measure, norm_relu, norm_relu_conv
from elastic_tf.layers.routing import channel_usage, mask_features, split_groups
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
        shortcut = self.shortcut(inputs)
        rows = split_groups(inputs, sizes)
        outputs = list(rows) if shortcut is inputs else split_groups(shortcut, sizes)
        running = [group for group, width in enumerate(widths) if width]
        moments = [measure(rows[group]) for group in running] if training else None
        norm1 = self.norm1.scale_and_offset(task, moments)
        kernels1, kernels2 = self._kernels([widths[group] for group in running])
        hidden, moments = [], []
        for group, kernel in zip(running, kernels1, strict=True):
            features, measured = norm_relu_conv(
                rows[group], kernel, norm1, self.strides, measured=training
            )
            hidden.append(features)
            moments.append(measured)
        norm2 = self.norm2.scale_and_offset(task, moments if training else None)
        for group, features, kernel in zip(running, hidden, kernels2, strict=True):
            outputs[group] += norm_relu_conv(features, kernel, norm2)[0]
        return tf.concat(outputs, axis=0) if len(outputs) > 1 else outputs[0]

    def _kernels(self, widths):
        kernel1, kernel2 = map(tf.convert_to_tensor, (self.conv1.kernel, self.conv2.kernel))
        return (
            nested_kernels(kernel1, [(kernel1.shape[2], width) for width in widths]),
            nested_kernels(kernel2, [(width, kernel2.shape[3]) for width in widths]),
        )

    def _run_masked(self, inputs, levels, task, training):
        usage = channel_usage(levels, self.channels_per_level)
        runs = usage[:, :1]
        runs_inputs = tf.repeat(runs, inputs.shape[-1], axis=1)
        hidden = self.norm1(inputs, task=task, usage=runs_inputs, training=training)
        hidden = mask_features(self.conv1(tf.nn.relu(hidden)), usage)
        hidden = self.norm2(hidden, task=task, usage=usage, training=training)
        residual = self.conv2(mask_features(tf.nn.relu(hidden), usage))
        return self.shortcut(inputs) + mask_features(residual, runs)

    def _run_gated(self, inputs, channel_gates, task):
        hidden = norm_relu(inputs, self.norm1.scale_and_offset(task))
        hidden = norm_relu(self.conv1(hidden), self.norm2.scale_and_offset(task))
        # Nothing more is needed for level 0: the convolution of zeros is 0.
        residual = self.conv2(hidden * channel_gates[:, tf.newaxis, tf.newaxis, :])
        return self.shortcut(inputs) + residual
