"""A block whose hidden width is chosen per image, of any kind there is a description of."""

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.costs.cost_table import same_output_size
from elastic_tf.costs.ratios import channels_per_level, validate_ratios
from elastic_tf.layers.block_kinds import block_kind
from elastic_tf.layers.elastic_conv import run_unless_empty
from elastic_tf.layers.norm_ops import ACTIVATIONS, measure, normalise
from elastic_tf.layers.routing import (
    Route,
    apply_gates,
    channel_gates,
    channel_usage,
    gather_rows,
    plan_routes,
    split_groups,
)
from elastic_tf.layers.shortcut import make_shortcut
from elastic_tf.layers.steps import Norm, make_layers
from elastic_tf.settings import Configured

EXECUTIONS = ("auto", "grouped", "masked")


@keras.saving.register_keras_serializable("elastic_tf")
class ElasticBlock(Configured, keras.layers.Layer):
    """A block whose hidden width is chosen per image.

    What it does says its kind, a `BlockKind`, whose steps all ways of running it walk:

    - *grouped*: the batch is split by level and every group runs on kernels sliced to its width,
      in training as in inference;
    - *masked*: everything at full width, multiplied by 0/1 masks: the slow, obvious reference.
      Both give the same outputs, gradients and running averages;
    - *gates* in place of levels make the choice itself differentiable, for a selector that learns
      through the network: every hidden channel is multiplied by the sum of the gates of the levels
      that use it. One-hot gates give what their levels give; the gradient tells what each channel
      group would change, also one that is off. At full width, like masked execution.

    The moments of a normalisation are taken over the instances that run the block at all, those of
    a hidden channel over the instances that use it, those of a norm by level over the instances at
    each level. At a level of ratio 0 the block is exactly its shortcut, and nothing else is
    evaluated: where that is a projection, with the norm before it.

    Args:
        kind: str, a key of `BLOCK_KINDS`.
        filters: int. Output channels; they do not depend on the level.
        tasks: list of str. Names of the tasks, for the normalisation.
        ratios: list of floats, one per level, increasing, last 1. Share of the hidden channels
            that each level uses. It starts with 0 where the kind has a shortcut, above 0 where it
            has none; an identity allows both.
        hidden_filters: int, or `None` for the kind's. Hidden channels at full width.
        strides: int, pixels. Defaults to 1.
        execution: `"grouped"`, `"masked"`, or `"auto"`, what is faster: grouped, wherever the two
            have been measured. Defaults to `"auto"`.
        momentum: float in [0, 1), of the running averages. Defaults to 0.9.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.
        levels: int tensor `(batch,)` in `[0, len(ratios))`, or `None` for the top level.
        task: str, by keyword.
        training: bool. Defaults to `False`.
        gates: float tensor `(batch, len(ratios))`, in place of `levels`; not in training, where
            the moments need levels. Rows add up to 1.

    Output shape: `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Raises:
        ValueError: if an argument is out of range, or `gates` come with levels or in training.

    Example:

    >>> block = ElasticBlock("basic", 8, tasks=["digits"], ratios=(0.0, 0.5, 1.0))
    >>> images = tf.ones((3, 4, 4, 8))
    >>> block(images, levels=[0, 2, 1], task="digits").shape
    TensorShape([3, 4, 4, 8])

    Reference: Ahn et al., 2019, supplement section 1; Veit and Belongie, 2018 (arXiv 1711.11503),
    on gates.
    """

    def __init__(
        self,
        kind,
        filters,
        tasks,
        ratios=(0.0, 0.25, 0.5, 1.0),
        hidden_filters=None,
        strides=1,
        execution="auto",
        momentum=0.9,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.description = block_kind(kind)
        if execution not in EXECUTIONS:
            raise ValueError(
                f"`execution` must be one of {EXECUTIONS}. Received: execution={execution}"
            )
        self.kind = kind
        self.filters = filters
        self.tasks = list(tasks)
        shortcut = self.description.shortcut
        skips = ratios[0] == 0 if shortcut == "identity" else shortcut is not None
        self.ratios = validate_ratios(ratios, residual=skips)
        self.hidden_filters = hidden_filters
        self.strides = strides
        self.execution = execution
        self.momentum = momentum
        hidden = hidden_filters or max(1, round(filters * self.description.expansion))
        self.channels_per_level = channels_per_level(hidden, self.ratios)

    @property
    def num_levels(self):
        return len(self.ratios)

    def build(self, input_shape):
        channels = input_shape[-1]
        self._check_skip(channels)
        self.shortcut = None
        if self.description.has_shortcut(channels, self.filters, self.strides):
            self.shortcut = make_shortcut(
                self.description.shortcut, self.filters, self.strides, self.dtype_policy
            )
            self.shortcut.build(input_shape)
        layers = make_layers(
            self.description.named_steps(),
            channels,
            lambda step: self.channels_per_level[-1] if step.to_hidden else self.filters,
            self.tasks,
            self.strides,
            self.momentum,
            self.dtype_policy,
            self.num_levels,
        )
        for name, layer in layers.items():  # By its name, which is its path in a saved file.
            setattr(self, name, layer)

    def _check_skip(self, channels):
        skips = self.ratios[0] == 0
        if skips and not self.description.has_shortcut(channels, self.filters, self.strides):
            raise ValueError(
                f"`ratios` of a block of kind {self.kind} that has no shortcut, as its strides or "
                f"channels change, must start above 0. Received: ratios={self.ratios}, "
                f"strides={self.strides}, {channels} channels to {self.filters}"
            )

    def layers(self):
        """Returns pairs of a step's description and its layer, in order."""
        return [(step, getattr(self, name)) for step, name in self.description.named_steps()]

    def call(self, inputs, levels=None, task=None, training=False, gates=None):
        self._check_gates(gates, levels, training)
        shape = (*self.output_size(inputs.shape[1:3]), self.filters)

        def run(inputs):
            if gates is not None or (levels is not None and self.execution == "masked"):
                return self.run_masked(inputs, levels, task, training, gates)
            if levels is None:
                return self.run(inputs, None, task, training)
            plan = plan_routes(tf.cast(levels, tf.int32)[:, tf.newaxis], [self.channels_per_level])
            outputs = self.run(inputs, plan.routes[0], task, training)
            return gather_rows(outputs, plan.back, plan.order, training)

        return run_unless_empty(run, inputs, shape)

    def run(self, inputs, route, task, training):
        """Runs a batch, not empty, by groups.

        Args:
            inputs: float tensor `(batch, height, width, channels)`.
            route: a `Route`; `None` for the top level.
            task, training: see the call arguments.

        Returns:
            Outputs, sorted by level; where `route` is `None`, in the order of `inputs`.
        """
        steps = self.layers()
        if self.description.projects:  # The first step is of all images of all levels.
            _, norm = steps.pop(0)
            inputs = norm.run(inputs, task, training=training)
        if route is None:
            batch = inputs.shape[0] or tf.shape(inputs)[0]
            route, widths = Route(None, None, [batch], None), self.channels_per_level[-1:]
        else:
            widths = self.channels_per_level
            inputs = gather_rows(inputs, route.rows, route.back, training)
        outputs = [None] * len(widths)
        if self.shortcut is not None:
            outputs = split_groups(self.shortcut.run(inputs), route.sizes)
        groups = split_groups(self.pool(inputs), route.sizes)
        # Sizes of 0 are known where they are at all: see `plan_routes`.
        running = [i for i, width in enumerate(widths) if width and groups[i].shape[0] != 0]
        counts = None if route.counts is None else [route.counts[i] for i in running]
        groups = [groups[i] for i in running]
        top = self.num_levels - len(outputs)  # Alone where there is no route.
        levels = [top + i for i in running]
        results = self._walk(steps, groups, levels, counts, task, training)
        for i, result in zip(running, results, strict=True):
            outputs[i] = result if outputs[i] is None else outputs[i] + result
        if route.counts is not None:
            outputs = [rows[: route.counts[i]] for i, rows in enumerate(outputs)]
        outputs = [rows for rows in outputs if rows is not None]
        return tf.concat(outputs, axis=0) if len(outputs) > 1 else outputs[0]

    def _walk(self, steps, groups, levels, counts, task, training):
        """Walks the steps with every group at its width; a norm waits for what comes next."""
        if not groups:
            return groups
        widths = [self.channels_per_level[level] for level in levels]
        norms, from_hidden = None, False
        for step, layer in steps:
            if isinstance(step, Norm):
                moments = None
                if layer.measures(training):
                    of = counts or [None] * len(groups)
                    moments = [measure(*group) for group in zip(groups, of, strict=True)]
                norms = _norms_of_groups(step, layer, levels, task, moments)
                continue
            ins = widths if from_hidden else [layer.in_channels] * len(widths)
            outs = widths if step.to_hidden else [self.filters] * len(widths)
            kernels = layer.kernels(list(zip(ins, outs, strict=True)))
            groups = _normalise_groups(groups, norms, training)
            groups = [
                layer.convolve(rows, kernel) for rows, kernel in zip(groups, kernels, strict=True)
            ]
            norms, from_hidden = None, step.to_hidden
        return _normalise_groups(groups, norms, training)

    def run_masked(self, inputs, levels, task, training, gates=None):
        """Runs a batch, not empty, at full width; see the call arguments. Levels may be `None`."""
        if levels is None and gates is None:
            levels = tf.fill(tf.shape(inputs)[:1], self.num_levels - 1)
        if gates is None:
            levels = tf.cast(levels, tf.int32)
            used = channel_usage(levels, self.channels_per_level)
        else:
            used = channel_gates(gates, self.channels_per_level)
        runs = used[:, :1]  # Every level but one of ratio 0 uses the first channel.
        outputs, from_hidden, shortcut = self.pool(inputs), False, inputs
        for index, (step, layer) in enumerate(self.layers()):
            if isinstance(step, Norm) and step.by_level:
                outputs = self._run_by_level(layer, outputs, levels, gates, task, training)
                continue
            if isinstance(step, Norm):
                is_shared = index == 0 and self.description.projects
                usage = used if from_hidden else tf.repeat(runs, outputs.shape[-1], axis=1)
                usage = tf.ones_like(usage) if is_shared else usage
                # A gradient of the gates is wanted, though it is no training.
                is_wanted = training or gates is not None
                outputs = layer.run(
                    outputs, task, usage if training else None, training, differentiable=is_wanted
                )
                shortcut = outputs if is_shared else shortcut
                continue
            outputs = apply_gates(outputs, used) if from_hidden else outputs
            outputs = layer.run(outputs)
            from_hidden = step.to_hidden
        # Where nothing ran, a norm by level has given 0, and a convolution of zeros without a bias.
        is_zero = step.by_level if isinstance(step, Norm) else gates is not None and not step.bias
        if not is_zero:
            outputs = apply_gates(outputs, runs)
        return outputs if self.shortcut is None else self.shortcut.run(shortcut) + outputs

    def _run_by_level(self, layer, outputs, levels, gates, task, training):
        """Normalises every row as its level is; by gates, with a mean of what they are."""
        if gates is None:
            gates = tf.one_hot(levels, self.num_levels)
        norms = []
        for level, width in enumerate(self.channels_per_level):
            if not width:
                norms.append([tf.zeros(self.filters)] * 2)
                continue
            usage = None
            if training:
                usage = tf.repeat((levels == level)[:, tf.newaxis], self.filters, axis=1)
            norms.append(layer.masked_scale_and_offset(outputs, task, usage, training, level))
        scale, offset = (
            tf.matmul(tf.cast(gates, tf.float32), tf.stack(vectors))[:, tf.newaxis, tf.newaxis]
            for vectors in zip(*norms, strict=True)
        )
        outputs = tf.cast(tf.cast(outputs, tf.float32) * scale + offset, outputs.dtype)
        return ACTIVATIONS[layer.activation](outputs)

    def macs(self, input_size):
        """Returns the MACs of one image at every level.

        Args:
            input_size: `(height, width)` of its features, pixels.

        Returns:
            Tuple of ints, one per level.
        """
        totals = np.zeros(self.num_levels, np.int64)
        size = self.output_size(input_size) if self.description.pools else input_size
        from_hidden = False
        for step, layer in self.layers():
            if isinstance(step, Norm):
                continue
            for level, width in enumerate(self.channels_per_level):
                if width:
                    ins = width if from_hidden else None
                    totals[level] += layer.macs(size, ins, width if step.to_hidden else None)
            size, from_hidden = layer.output_size(size), step.to_hidden
        if self.description.projects:
            totals += self.shortcut.macs(input_size)
        return tuple(int(total) for total in totals)

    def output_size(self, input_size):
        """Returns `(height, width)` of the output for that of the input, pixels."""
        return tuple(same_output_size(side, self.strides) for side in input_size)

    def pool(self, inputs):
        """Returns inputs, not empty, after the max pooling of a kind that has one with strides."""
        if not self.description.pools or self.strides == 1:
            return inputs
        return tf.nn.max_pool2d(inputs, self.strides, self.strides, "SAME")

    def _check_gates(self, gates, levels, training):
        if gates is None:
            return
        check_lone_gates(levels, training)
        if gates.shape[-1] != self.num_levels:
            raise ValueError(
                f"`gates` must be of shape (batch, {self.num_levels}). "
                f"Received: gates.shape={tuple(gates.shape)}"
            )


def _norms_of_groups(step, layer, levels, task, moments):
    """Returns the arguments of `normalise` for each group."""
    if step.by_level:
        moments = [None] * len(levels) if moments is None else [[of] for of in moments]
        pairs = zip(levels, moments, strict=True)
        norms = [layer.scale_and_offset(task, of, level) for level, of in pairs]
    else:
        norms = [layer.scale_and_offset(task, moments)] * len(levels)
    return [(norm, step.activation) for norm in norms]


def _normalise_groups(groups, norms, training):
    if norms is None:
        return groups
    return [normalise(rows, *norm, training) for rows, norm in zip(groups, norms, strict=True)]


def check_lone_gates(levels, training):
    """Raises a `ValueError` if gates are given with levels, or in training."""
    if levels is not None or training:
        raise ValueError(
            "`gates` must come without `levels` and not in training. Received: "
            f"levels={'None' if levels is None else 'given'}, {training=}"
        )
