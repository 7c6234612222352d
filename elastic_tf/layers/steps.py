"""Steps, of which blocks, stems and heads are made: normalisations, convolutions, poolings."""

import dataclasses

import tensorflow as tf

from elastic_tf.costs.cost_table import same_output_size
from elastic_tf.layers.elastic_conv import ElasticConv2D
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization


@dataclasses.dataclass(frozen=True)
class Norm:
    """A `TaskBatchNormalization`, and an activation behind it.

    Attributes:
        activation: `"relu"`, `"relu6"` or `None`.
        by_level: bool. Whether each level of a block has averages of its own.
    """

    activation: str | None = "relu"
    by_level: bool = False


@dataclasses.dataclass(frozen=True)
class Conv:
    """A convolution; what it gives is as large as its input divided by its strides.

    Attributes:
        kernel_size: int, pixels.
        to_hidden: bool. Whether it gives hidden channels, as many as the level of a block has; or
            the output's.
        strided: bool. Whether the strides are those of the whole, else 1.
        depthwise: bool. Every channel by itself; it keeps the number of channels.
        filters: int, output channels, where it has a number of its own; else `None`.
        bias: bool. Whether each output channel has something added.
        symmetric: bool. Whether the zeros around are as many on all sides, where 'same' has more
            at the end for even strides.
    """

    kernel_size: int = 3
    to_hidden: bool = False
    strided: bool = False
    depthwise: bool = False
    filters: int | None = None
    bias: bool = False
    symmetric: bool = False


@dataclasses.dataclass(frozen=True)
class Pool:
    """A max pooling over 3x3 pixels, stride 2, with a row of zeros on every side."""

    strides = 2

    def run(self, features):
        """Returns pooled features, not empty."""
        padded = tf.pad(features, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return tf.nn.max_pool2d(padded, 3, self.strides, "VALID")

    def output_size(self, input_size):
        """Returns `(height, width)` of the output for that of the input, pixels."""
        return tuple(same_output_size(side, self.strides) for side in input_size)


def named_steps(steps, first="1"):
    """Returns pairs of a step and the name of its layer: norm1, conv1, norm2 and so on.

    Args:
        steps: sequence of `Norm`, `Conv` and `Pool`, which has no layer and no name.
        first: str, the number of the first of each. Defaults to `"1"`.
    """
    counts, named = {Norm: 0, Conv: 0}, []
    for step in steps:
        if isinstance(step, Pool):
            named.append((step, None))
            continue
        counts[type(step)] += 1
        name, count = "norm" if isinstance(step, Norm) else "conv", counts[type(step)]
        named.append((step, f"{name}{first if count == 1 else count}"))
    return named


def make_layers(
    steps, channels, filters, tasks, strides=1, momentum=0.9, dtype=None, num_levels=None
):
    """Returns a new and built layer for each step, a dict by name.

    Args:
        steps: pairs of a step and a name, see `named_steps`.
        channels: int, of the input.
        filters: function from a `Conv` that is not depthwise to its output channels, an int.
        tasks: list of str, for the normalisation.
        strides: int, pixels, of convolutions that are strided.
        momentum: float in [0, 1), of the running averages.
        dtype: Keras policy of the layers; `None` for the global one.
        num_levels: int, for a `Norm` by level.
    """
    layers = {}
    for step, name in steps:
        shape = (None, None, None, channels)
        if isinstance(step, Pool):
            continue
        if isinstance(step, Norm):
            layer = TaskBatchNormalization(
                tasks,
                momentum=momentum,
                activation=step.activation,
                num_levels=num_levels if step.by_level else None,
                dtype=dtype,
                name=name,
            )
        else:
            channels = channels if step.depthwise else filters(step)
            stride = strides if step.strided else 1
            layer = ElasticConv2D(
                channels,
                step.kernel_size,
                stride,
                step.depthwise,
                step.bias,
                step.symmetric,
                dtype=dtype,
                name=name,
            )
        layer.build(shape)
        layers[name] = layer
    return layers


def run_steps(layers, features, task, training):
    """Returns features, not empty, after all steps at full width.

    Args:
        layers: list of pairs of a step and its layer.
        features: float tensor `(batch, height, width, channels)`.
        task: str.
        training: bool.
    """
    for step, layer in layers:
        if isinstance(step, Norm):
            features = layer.run(features, task, training=training)
        elif isinstance(step, Pool):
            features = step.run(features)
        else:
            features = layer.run(features)
    return features


def size_and_macs(layers, size):
    """Returns the output size of steps at full width, pixels, and their MACs for one image, an int.

    Args:
        layers: list of pairs of a step and its layer.
        size: `(height, width)` of the input, pixels.
    """
    total = 0
    for step, layer in layers:
        if isinstance(step, Pool):
            size = step.output_size(size)
        elif isinstance(step, Conv):
            total += layer.macs(size)
            size = layer.output_size(size)
    return size, total
