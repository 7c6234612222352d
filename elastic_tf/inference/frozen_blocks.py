"""Blocks frozen for prediction: normalisation folded away, kernels sliced for every level."""

import numpy as np
import tensorflow as tf

from elastic_tf.inference.rows import run_by_group
from elastic_tf.layers.elastic_conv import convolve
from elastic_tf.layers.norm_ops import ACTIVATIONS, scale_offset
from elastic_tf.layers.steps import Norm, Pool


def scale_and_offset(norm, task, level=None):
    """Returns what a normalisation does in inference: `inputs * scale + offset`.

    Args:
        norm: a built `TaskBatchNormalization`.
        task: str, whose running averages to take.
        level: int, those of which level, where they are by level; `None` for the top.

    Returns:
        Two float32 arrays `(channels,)`.
    """
    gamma, beta, mean, variance = (
        np.asarray(variable, np.float64)
        for variable in (norm.gamma, norm.beta, *norm.averages(task, level))
    )
    scale = gamma / np.sqrt(variance + norm.epsilon)
    return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)


def fold_norm(kernel, norm, task, bias=None, level=None):
    """Returns the convolution that does what a convolution and the normalisation after it do.

    Args:
        kernel: float array `(height, width, in_channels, filters)`; of a depthwise convolution
            `(height, width, filters, 1)`.
        norm: a built `TaskBatchNormalization` of `filters` channels.
        task: str, whose running averages to take.
        bias: float array `(filters,)`, of the convolution; `None` for none.
        level: int, see `scale_and_offset`.

    Returns:
        kernel: float32 array of the same shape.
        bias: float32 array `(filters,)`.

    Reference: Jacob et al., 2018 (arXiv 1712.05877), section 3.2.
    """
    scale, offset = scale_and_offset(norm, task, level)
    kernel = np.asarray(kernel, np.float32)
    offset = offset if bias is None else offset + bias * scale
    return kernel * (scale if kernel.shape[-1] == len(scale) else scale[:, np.newaxis]), offset


def conv_bias(
    images, kernel, bias=None, activation=None, strides=1, depthwise=False, symmetric=False
):
    """Returns `activation(conv(images) + bias)` in the type of `images`.

    With a constant kernel, the graph optimiser makes one kernel of it.

    Args:
        images: float tensor `(batch, height, width, channels)`, not empty.
        kernel: float32 array `(side, side, channels, filters)`; see `convolve`.
        bias: float32 array `(filters,)`, or `None`.
        activation: a key of `ACTIVATIONS`.
        strides: int, pixels.
        depthwise, symmetric: bools, see `convolve`.
    """
    outputs = convolve(images, tf.cast(kernel, images.dtype), strides, depthwise, symmetric)
    if bias is not None:
        outputs = tf.nn.bias_add(outputs, tf.cast(bias, images.dtype))
    return ACTIVATIONS[activation](outputs) if activation else outputs


class FrozenBlock:
    """`ElasticBlock` for inference: one function per level, and how a batch is dealt to them.

    A normalisation behind a convolution is folded into it, whose kernel is sliced ahead for every
    level; one that comes before is one fused operation. Level 0 of a block that may be skipped does
    nothing.

    Args:
        block: a built `ElasticBlock`.
        task: str, whose running averages to take.
    """

    def __init__(self, block, task):
        self.block = block
        self._operations = [
            frozen_steps(block.layers(), task, width, level) if width else None
            for level, width in enumerate(block.channels_per_level)
        ]
        self._first = []
        if block.description.projects:  # The first step comes before the shortcut too.
            self._first = self._operations[-1][:1]
            self._operations = [of and of[1:] for of in self._operations]
        self._shared = None

    def __call__(self, features, sizes=None):
        """Runs a batch.

        Args:
            features: float32 tensor `(batch, height, width, channels)`, not empty.
            sizes: int32 tensor `(levels,)`, rows of each level, by which `features` is sorted; or
                `None` for the top level.

        Returns:
            float32 tensor as of the block.
        """
        if sizes is None:
            return self.run_at(features, -1)
        inputs = self._prepare(features)
        return run_by_group(self._functions(inputs), inputs, sizes, self._output_shape(features))

    def run_one(self, features, level):
        """Runs a batch of one image, by a branch in the graph instead of groups.

        Args:
            features: float32 tensor `(1, height, width, channels)`; the size of the batch may be
                unknown when the graph is made.
            level: int32 scalar.
        """
        inputs = self._prepare(features)
        branches = [
            lambda branch=branch: inputs[-1] if branch is None else branch(*inputs)
            for branch in self._functions(inputs)
        ]
        shape = (features.shape[0], *self._output_shape(features))
        return tf.ensure_shape(tf.switch_case(level, branches), shape)

    def run_at(self, features, level):
        """Runs a batch at one level, an int, known when the graph is made."""
        inputs = self._prepare(features)
        branch = self._branches()[level]
        return inputs[-1] if branch is None else branch(*inputs)

    def run_gathered(self, features, groups, run_groups):
        """Runs planned groups of a batch, for another runtime.

        Args:
            features: float32 tensor `(batch, height, width, channels)`, not empty.
            groups: list of this block, of `plan_groups`.
            run_groups: `run_groups_for_onnx` or `run_groups_for_litert`.

        Returns:
            Outputs in the order of the groups.
        """
        inputs = self._prepare(features)
        return run_groups(self._branches(), inputs, groups, self._output_shape(features))

    def _functions(self, inputs):
        """Returns the branches, for the graph that `inputs` belong to.

        A graph for batches of any size has them twice, for one image and for groups. They are
        functions of the graph there, whose weights it holds once.
        """
        if inputs[0].shape[0] is not None:
            return self._branches()
        if self._shared is None:
            specs = [tf.TensorSpec((None, *each.shape[1:]), each.dtype) for each in inputs]
            self._shared = [
                branch and tf.function(branch, specs, autograph=False)
                for branch in self._branches()
            ]
        return self._shared

    def _output_shape(self, features):
        return (*self.block.output_size(features.shape[1:3]), self.block.filters)

    def _prepare(self, features):
        """Returns the list of tensors that the branches take: features, and the shortcut's."""
        features = run_frozen(self._first, features)
        pooled, shortcut = self.block.pool(features), self.block.shortcut
        return [pooled] if shortcut is None else [pooled, shortcut.run(features)]

    def _branches(self):
        """Returns the function of each level, as `run_by_group` takes them."""
        return [None if of is None else _branch(of) for of in self._operations]


def frozen_steps(layers, task, hidden=None, level=None):
    """Returns steps with normalisations folded, a list of functions and their further arguments.

    Args:
        layers: list of pairs of a step and its layer, which are built.
        task: str, whose running averages to take.
        hidden: int, how many hidden channels are used. Defaults to `None`, all.
        level: int, of a block, that has so many.
    """
    operations, layers, from_hidden = [], list(layers), False
    while layers:
        step, layer = layers.pop(0)
        ins = hidden if from_hidden else None
        if isinstance(step, Pool):
            operations.append((step.run, ()))
            continue
        if isinstance(step, Norm):
            scale, offset = (vector[:ins] for vector in scale_and_offset(layer, task, level))
            operations.append((scale_offset, (scale, offset, step.activation)))
            continue
        kernel, activation = np.asarray(layer.kernel, np.float32), None
        bias = None if layer.bias is None else np.asarray(layer.bias, np.float32)
        outs = hidden if step.to_hidden else None
        if layers and isinstance(layers[0][0], Norm):
            norm_step, norm = layers.pop(0)
            kernel, bias = fold_norm(kernel, norm, task, bias, level)
            activation = norm_step.activation
        bias = None if bias is None else bias[:outs]
        kernel = kernel[:, :, :ins] if step.depthwise else kernel[:, :, :ins, :outs]
        arguments = (
            kernel,
            bias,
            activation,
            layer.strides,
            step.depthwise,
            step.symmetric,
        )
        operations.append((conv_bias, arguments))
        from_hidden = step.to_hidden
    return operations


def run_frozen(operations, features):
    """Returns features after what `frozen_steps` returned."""
    for operation, arguments in operations:
        features = operation(features, *arguments)
    return features


def _branch(operations):
    def run(features, shortcut=None):
        features = run_frozen(operations, features)
        return features if shortcut is None else shortcut + features

    return run
