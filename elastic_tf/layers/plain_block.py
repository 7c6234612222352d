"""A plain (VGG-like) block whose hidden width is chosen per image."""

import keras
import tensorflow as tf

from elastic_tf.costs.macs import same_output_size
from elastic_tf.layers.elastic_block import ElasticBlock
from elastic_tf.layers.elastic_conv import ElasticConv2D
from elastic_tf.layers.empty_batch import run_unless_empty
from elastic_tf.layers.nested_kernels import nested_kernels
from elastic_tf.layers.norm_conv import norm_relu, norm_relu_conv
from elastic_tf.layers.routing import channel_usage, mask_features, split_groups
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization


@keras.saving.register_keras_serializable("elastic_tf")
class ElasticPlainBlock(ElasticBlock):
    """Convolutions in a row, each with BN and ReLU; all but the last are narrowed by level.

    It has no shortcut, so its lowest level keeps a few channels. With strides, a max pooling
    comes first.

    Args:
        num_convs: int, at least 2. Convolutions in the block. Defaults to 2.
        Others, call arguments, output shape, errors: see `ElasticBlock`. `ratios` must start
            above 0; they default to `(0.125, 0.25, 0.5, 1.0)`.

    Example:

    >>> block = ElasticPlainBlock(8, tasks=["digits"], ratios=(0.25, 1.0))
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

    def get_config(self):
        return super().get_config() | {"num_convs": self.num_convs}

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
