"""What all elastic blocks share: a hierarchy of widths, and routing by level."""

import keras
import tensorflow as tf

from elastic_tf.costs.ratios import channels_per_level, validate_ratios
from elastic_tf.layers.elastic_conv import run_unless_empty
from elastic_tf.layers.routing import (
    channel_gates,
    group_sizes,
    inverse_permutation,
    permute,
    sort_by_level,
)
from elastic_tf.settings import Configured

EXECUTIONS = ("grouped", "masked")


class ElasticBlock(Configured, keras.layers.Layer):
    """Base of the blocks whose hidden width is chosen per image.

    *Grouped* execution splits the batch by level and runs every group on kernels sliced to its
    width, in training as in inference. *Masked* execution runs everything at full width and
    multiplies by 0/1 masks: the slow, obvious reference. Both give the same outputs, gradients
    and running averages.

    *Gates* in place of levels make the choice itself differentiable, for a selector that learns
    through the network: every hidden channel is multiplied by the sum of the gates of the levels
    that use it. One-hot gates give what their levels give; the gradient tells what each channel
    group would change, also one that is off. At full width, like masked execution.

    A subclass sets `skippable` and implements `_run_groups`, `_run_masked`, `_run_gated` and
    `macs`.

    Args:
        filters: int. Output channels; they do not depend on the level.
        tasks: list of str. Names of the tasks, for the normalisation.
        ratios: list of floats, one per level, increasing, last 1. Share of the hidden channels
            that each level uses.
        hidden_filters: int, or `None` for `filters`. Hidden channels at full width.
        strides: int, pixels. Defaults to 1.
        execution: `"grouped"` or `"masked"`. Defaults to `"grouped"`.
        momentum: float in [0, 1), of the running averages. Defaults to 0.9.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.
        levels: int tensor `(batch,)` in `[0, len(ratios))`, or `None` for the top level.
        task: str, by keyword.
        training: bool. Defaults to `False`.
        sorted_rows: bool. Whether the caller has sorted the batch by `levels` already; the
            output then keeps that order. Defaults to `False`.
        gates: float tensor `(batch, len(ratios))`, in place of `levels`; not in training, where
            the moments need levels. Rows add up to 1.

    Output shape: `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Raises:
        ValueError: if an argument is out of range, or `gates` come with levels or in training.

    Reference: Ahn et al., 2019, supplement section 1; Veit and Belongie, 2018 (arXiv 1711.11503),
    on gates.
    """

    skippable = True

    def __init__(
        self,
        filters,
        tasks,
        ratios=(0.0, 0.25, 0.5, 1.0),
        hidden_filters=None,
        strides=1,
        execution="grouped",
        momentum=0.9,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if execution not in EXECUTIONS:
            raise ValueError(
                f"`execution` must be one of {EXECUTIONS}. Received: execution={execution}"
            )
        self.filters = filters
        self.tasks = list(tasks)
        self.ratios = validate_ratios(ratios, residual=self.skippable)
        self.hidden_filters = hidden_filters
        self.strides = strides
        self.execution = execution
        self.momentum = momentum
        self.channels_per_level = channels_per_level(hidden_filters or filters, self.ratios)
        self.supports_jit = False

    @property
    def num_levels(self):
        return len(self.ratios)

    def call(self, inputs, levels=None, task=None, training=False, sorted_rows=False, gates=None):
        if gates is not None:
            return self._call_gated(inputs, gates, levels, task, training)
        if levels is None:
            whole_batch = tf.shape(inputs)[:1]
            top = self.channels_per_level[-1:]
            return self._run_groups(inputs, whole_batch, top, task, training)
        levels = tf.cast(levels, tf.int32)
        if self.execution == "masked":
            return self._run_masked(inputs, levels, task, training)
        if sorted_rows:
            sizes = group_sizes(levels, self.num_levels)
            return self._run_groups(inputs, sizes, self.channels_per_level, task, training)
        order = sort_by_level(levels)
        outputs = self.call(
            permute(inputs, order), tf.gather(levels, order), task, training, sorted_rows=True
        )
        return permute(outputs, inverse_permutation(order))

    def macs(self, input_size):
        """Returns the MACs of one image at every level, for `(height, width)` of its features.

        A tuple of ints, one per level.
        """
        raise NotImplementedError

    def output_size(self, input_size):
        """Returns `(height, width)` of the output for that of the input, pixels."""
        raise NotImplementedError

    def _run_groups(self, inputs, sizes, widths, task, training):
        """Runs a batch sorted by level: `sizes[g]` rows, then at `widths[g]` hidden channels."""
        raise NotImplementedError

    def _run_masked(self, inputs, levels, task, training):
        raise NotImplementedError

    def _run_gated(self, inputs, channel_gates, task):
        """Runs a batch, not empty, in inference, with factors `(batch, hidden channels)`."""
        raise NotImplementedError

    def _call_gated(self, inputs, gates, levels, task, training):
        if levels is not None or training:
            raise ValueError(
                "`gates` must come without `levels` and not in training. Received: "
                f"levels={'None' if levels is None else 'given'}, {training=}"
            )
        if gates.shape[-1] != self.num_levels:
            raise ValueError(
                f"`gates` must be of shape (batch, {self.num_levels}). "
                f"Received: gates.shape={tuple(gates.shape)}"
            )
        factors = channel_gates(gates, self.channels_per_level)
        shape = (*self.output_size(inputs.shape[1:3]), self.filters)
        return run_unless_empty(lambda rows: self._run_gated(rows, factors, task), inputs, shape)
