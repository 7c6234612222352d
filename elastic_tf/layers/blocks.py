"""The kinds of elastic blocks: pre-activation residual, and VGG."""

import keras
import tensorflow as tf

from elastic_tf.costs.cost_table import same_output_size
from elastic_tf.layers.elastic_block import ElasticBlock
from elastic_tf.layers.elastic_conv import ElasticConv2D, nested_kernels, run_unless_empty
from elastic_tf.layers.norm_ops import measure, norm_relu, norm_relu_conv
from elastic_tf.layers.routing import channel_usage, mask_features, split_groups
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization
from elastic_tf.settings import Configured


@keras.saving.register_keras_serializable("elastic_tf")
class PoolPadShortcut(Configured, keras.layers.Layer):
    """Identity where it can be: average pooling for strides, zero channels for width.

    Args:
        filters: int. Output channels, at least those of the input; the zero channels are padded
            half on each side.
        strides: int, pixels. Side of the pooling window and its stride. Defaults to 1.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.

    Output shape: `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Raises:
        ValueError: if `filters` is less than the number of input channels.

    Reference: Ahn et al., 2019, and He et al., 2016 (arXiv 1512.03385), shortcut option A.
    """

    def __init__(self, filters, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.strides = strides

    def build(self, input_shape):
        if input_shape[-1] > self.filters:
            raise ValueError(
                f"`filters` must be at least the {input_shape[-1]} input channels. "
                f"Received: filters={self.filters}"
            )

    def call(self, inputs):
        if self.strides == 1:
            return self._pad(inputs)
        size = tuple(same_output_size(side, self.strides) for side in inputs.shape[1:3])
        return self._pad(run_unless_empty(self._pool, inputs, (*size, inputs.shape[-1])))

    def run(self, inputs):
        """Returns the outputs for inputs that are not empty, without a condition in the graph."""
        return self._pad(inputs if self.strides == 1 else self._pool(inputs))

    def _pool(self, inputs):
        return tf.nn.avg_pool2d(inputs, self.strides, self.strides, "SAME")

    def _pad(self, inputs):
        missing = self.filters - inputs.shape[-1]
        if not missing:
            return inputs
        left = missing // 2
        return tf.pad(inputs, [[0, 0], [0, 0], [0, 0], [left, missing - left]])


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


@keras.saving.register_keras_serializable("elastic_tf")
class ElasticVggBlock(ElasticBlock):
    """Convolutions in a row, each with BN and ReLU; all but the last are narrowed by level.

    It has no shortcut, so its lowest level keeps a few channels. With strides, a max pooling
    comes first.

    Args:
        num_convs: int, at least 2. Convolutions in the block. Defaults to 2.
        Others, call arguments, output shape, errors: see `ElasticBlock`. `ratios` must start
            above 0; they default to `(0.125, 0.25, 0.5, 1.0)`.

    Example:

    >>> block = ElasticVggBlock(8, tasks=["digits"], ratios=(0.25, 1.0))
    >>> images = tf.ones((3, 4, 4, 8))
    >>> block(images, levels=[0, 1, 0], task="digits").shape
    TensorShape([3, 4, 4, 8])

    Reference: Ahn et al., 2019, supplement section 1; Simonyan and Zisserman, 2015 (arXiv
    1409.1556).
    """

    skippable = False

    def __init__(self, filters, tasks, ratios=(0.125, 0.25, 0.5, 1.0), num_convs=2, **kwargs):
        super().__init__(filters, tasks, ratios=ratios, **kwargs)
        if not isinstance(num_convs, int) or num_convs < 2:
            raise ValueError(
                f"`num_convs` must be an integer >= 2. Received: num_convs={num_convs}"
            )
        self.num_convs = num_convs

    def build(self, input_shape):
        self.convs, self.norms = [], []
        width = self.channels_per_level[-1]
        shape = tuple(input_shape)
        for index in range(self.num_convs):
            filters = self.filters if index == self.num_convs - 1 else width
            conv = ElasticConv2D(filters, name=f"conv{index + 1}")
            norm = TaskBatchNormalization(
                self.tasks,
                momentum=self.momentum,
                activation="relu" if index == self.num_convs - 1 else None,
                name=f"norm{index + 1}",
            )
            conv.build(shape)
            shape = (*shape[:-1], filters)
            norm.build(shape)
            self.convs.append(conv)
            self.norms.append(norm)

    def macs(self, input_size):
        size = self.output_size(input_size)
        first, *middle, last = self.convs
        return tuple(
            first.macs(size, active_filters=width)
            + sum(conv.macs(size, width, width) for conv in middle)
            + last.macs(size, width)
            for width in self.channels_per_level
        )

    def output_size(self, input_size):
        return tuple(same_output_size(side, self.strides) for side in input_size)

    def _run_groups(self, inputs, sizes, widths, task, training):
        groups, norm = split_groups(self._pool(inputs), sizes), None
        for conv, norm_layer in zip(self.convs[:-1], self.norms[:-1], strict=True):
            # The first takes all input channels, the others those of the level.
            ins = [width if norm else conv.in_channels for width in widths]
            kernels = nested_kernels(
                tf.convert_to_tensor(conv.kernel), list(zip(ins, widths, strict=True))
            )
            results = [
                norm_relu_conv(rows, kernel, norm, measured=training)
                for rows, kernel in zip(groups, kernels, strict=True)
            ]
            groups = [outputs for outputs, _ in results]
            moments = [measured for _, measured in results] if training else None
            norm = norm_layer.scale_and_offset(task, moments)
        kernels = nested_kernels(
            tf.convert_to_tensor(self.convs[-1].kernel), [(width, self.filters) for width in widths]
        )
        groups = [
            norm_relu_conv(rows, kernel, norm)[0]
            for rows, kernel in zip(groups, kernels, strict=True)
        ]
        return self.norms[-1](tf.concat(groups, axis=0), task=task, training=training)

    def _run_masked(self, inputs, levels, task, training):
        usage = channel_usage(levels, self.channels_per_level)
        outputs = self._pool(inputs)
        for conv, norm in zip(self.convs[:-1], self.norms[:-1], strict=True):
            hidden = norm(conv(outputs), task=task, usage=usage, training=training)
            outputs = mask_features(tf.nn.relu(hidden), usage)
        return self.norms[-1](self.convs[-1](outputs), task=task, training=training)

    def _run_gated(self, inputs, channel_gates, task):
        outputs = self._pool(inputs)
        for conv, norm in zip(self.convs[:-1], self.norms[:-1], strict=True):
            hidden = norm_relu(conv(outputs), norm.scale_and_offset(task))
            outputs = hidden * channel_gates[:, tf.newaxis, tf.newaxis, :]
        return self.norms[-1](self.convs[-1](outputs), task=task)

    def _pool(self, inputs):
        if self.strides == 1:
            return inputs
        return run_unless_empty(
            lambda images: tf.nn.max_pool2d(images, self.strides, self.strides, "SAME"),
            inputs,
            (*self.output_size(inputs.shape[1:3]), inputs.shape[-1]),
        )
