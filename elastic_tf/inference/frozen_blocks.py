"""Blocks frozen for prediction: normalisation folded away, kernels sliced for every level."""

import numpy as np
import tensorflow as tf

from elastic_tf.inference.rows import run_by_group
from elastic_tf.layers.blocks import ElasticResidualBlock
from elastic_tf.layers.norm_ops import scale_offset_relu


def scale_and_offset(norm, task):
    """Returns what a normalisation does in inference: `inputs * scale + offset`.

    Args:
        norm: a built `TaskBatchNormalization`.
        task: str, whose running averages to take.

    Returns:
        Two float32 arrays `(channels,)`.
    """
    gamma, beta, mean, variance = (
        np.asarray(variable, np.float64)
        for variable in (
            norm.gamma,
            norm.beta,
            norm.moving_means[task],
            norm.moving_variances[task],
        )
    )
    scale = gamma / np.sqrt(variance + norm.epsilon)
    return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)


def fold_norm(kernel, norm, task):
    """Returns the convolution that does what a convolution and the normalisation after it do.

    Args:
        kernel: float array `(height, width, in_channels, filters)`.
        norm: a built `TaskBatchNormalization` of `filters` channels.
        task: str, whose running averages to take.

    Returns:
        kernel: float32 array of the same shape.
        bias: float32 array `(filters,)`.

    Reference: Jacob et al., 2018 (arXiv 1712.05877), section 3.2.
    """
    scale, offset = scale_and_offset(norm, task)
    return np.asarray(kernel, np.float32) * scale, offset


def conv_bias_relu(images, kernel, bias, strides=1):
    """Returns `relu(conv(images) + bias)`, 'same' padding.

    With a constant kernel, the graph optimiser makes one kernel of it.

    Args:
        images: float32 tensor `(batch, height, width, channels)`, not empty.
        kernel: float32 array `(side, side, channels, filters)`.
        bias: float32 array `(filters,)`.
        strides: int, pixels.
    """
    return tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(images, kernel, strides, "SAME"), bias))


def freeze_block(block, task):
    """Returns the frozen block for an `ElasticResidualBlock` or `ElasticVggBlock`."""
    residual = isinstance(block, ElasticResidualBlock)
    return (FrozenResidualBlock if residual else FrozenVggBlock)(block, task)


class FrozenBlock:
    """Base of the frozen blocks: one function per level, and how a batch is dealt to them.

    Args:
        block: a built `ElasticBlock`.
        task: str, whose running averages to take.
    """

    def __init__(self, block, task):
        self.block = block
        self.task = task
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
        """Returns the list of tensors that the branches take."""
        raise NotImplementedError

    def _branches(self):
        """Returns the function of each level, as `run_by_group` takes them."""
        raise NotImplementedError


class FrozenResidualBlock(FrozenBlock):
    """`ElasticResidualBlock` for inference.

    The second normalisation is folded into the first convolution, whose kernel is sliced ahead
    for every level; the first normalisation is one fused operation. Level 0 does nothing.

    Args, call arguments, returns: as `FrozenBlock`.
    """

    def __init__(self, block, task):
        super().__init__(block, task)
        self._norm1 = scale_and_offset(block.norm1, task)
        kernel1, bias1 = fold_norm(block.conv1.kernel, block.norm2, task)
        kernel2 = np.asarray(block.conv2.kernel, np.float32)
        self._convs = [
            (kernel1[..., :width], bias1[:width], kernel2[:, :, :width])
            for width in block.channels_per_level
        ]

    def _prepare(self, features):
        return [features, self.block.shortcut.run(features)]

    def _branches(self):
        return [None, *map(self._branch, self._convs[1:])]

    def _branch(self, convs):
        kernel1, bias1, kernel2 = convs

        def run(features, shortcut):
            hidden = scale_offset_relu(features, *self._norm1)
            hidden = conv_bias_relu(hidden, kernel1, bias1, self.block.strides)
            return shortcut + tf.nn.conv2d(hidden, kernel2, 1, "SAME")

        return run


class FrozenVggBlock(FrozenBlock):
    """`ElasticVggBlock` for inference: every normalisation is folded.

    Args, call arguments, returns: as `FrozenBlock`.
    """

    def __init__(self, block, task):
        super().__init__(block, task)
        folded = [
            fold_norm(conv.kernel, norm, task)
            for conv, norm in zip(block.convs, block.norms, strict=True)
        ]
        self._convs = [self._slice(folded, width) for width in block.channels_per_level]

    def _prepare(self, features):
        strides = self.block.strides
        if strides == 1:
            return [features]
        return [tf.nn.max_pool2d(features, strides, strides, "SAME")]

    def _branches(self):
        return list(map(self._branch, self._convs))

    @staticmethod
    def _slice(folded, width):
        first, *middle, last = folded
        return [
            (first[0][..., :width], first[1][:width]),
            *((kernel[:, :, :width, :width], bias[:width]) for kernel, bias in middle),
            (last[0][:, :, :width], last[1]),
        ]

    @staticmethod
    def _branch(convs):
        def run(features):
            for kernel, bias in convs:
                features = conv_bias_relu(features, kernel, bias)
            return features

        return run
