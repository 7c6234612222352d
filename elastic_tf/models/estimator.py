"""The estimator: one set of weights that holds all models."""

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.costs.cost_table import CostTable
from elastic_tf.costs.ratios import default_ratios, validate_block_ratios
from elastic_tf.layers.blocks import ElasticResidualBlock, ElasticVggBlock
from elastic_tf.layers.routing import inverse_permutation, permute, sort_by_level
from elastic_tf.layers.task_layers import TaskHead, make_stems
from elastic_tf.models.backbones import parse_backbone
from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.models.tasks import check_gates, check_levels, check_task, validate_tasks
from elastic_tf.settings import Configured


@keras.saving.register_keras_serializable("elastic_tf")
class Estimator(Configured, keras.Model):
    """A trunk of elastic blocks shared by tasks, with a stem and a head for each task.

    Defaults are those of `NetworkSettings`.

    Args:
        tasks: dict from task name to `{"image_shape": (height, width, channels),
            "num_classes": int}`.
        backbone: str, a name that `parse_backbone` understands.
        ratios: list of floats, one per level; or one such list per block; or `None` for the
            paper's four levels. Share of a block's hidden channels that each level uses.
        trunk_size: int, pixels. Feature size that the stems' strides aim at.
        execution: `"grouped"` or `"masked"`, see `ElasticBlock`.
        momentum: float in [0, 1), of the running averages.

    Call arguments:
        inputs: tensor `(batch, height, width, channels)`, pixels in 0..255, any numeric type.
        levels: int tensor `(batch, blocks)`, or `None` for the full model.
        task: str, by keyword.
        training: bool. Defaults to `False`.
        gates: float tensor `(batch, blocks, levels)`, in place of `levels` and not in training:
            the choice as something to differentiate by, see `ElasticBlock`.

    Output shape: `(batch, num_classes)` of the task: logits.

    Raises:
        ValueError: if an argument is not usable.

    Example:

    >>> tasks = {"digits": {"image_shape": (8, 8, 1), "num_classes": 10}}
    >>> estimator = Estimator(tasks, backbone="wrn-8-1")
    >>> estimator(tf.zeros((2, 8, 8, 1)), levels=[[0, 1, 2], [3, 3, 3]], task="digits").shape
    TensorShape([2, 10])

    Reference: Ahn et al., 2019, section 3; the method's sections 2 and 3.
    """

    def __init__(
        self,
        tasks,
        backbone=NetworkSettings.backbone,
        ratios=NetworkSettings.ratios,
        trunk_size=NetworkSettings.trunk_size,
        execution=NetworkSettings.execution,
        momentum=NetworkSettings.momentum,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.tasks = validate_tasks(tasks)
        self.backbone = backbone
        shape = parse_backbone(backbone)
        self.ratios = ratios
        if ratios is None:
            ratios = default_ratios(4, shape.residual)
        self.block_ratios = validate_block_ratios(ratios, shape.num_blocks, shape.residual)
        self.trunk_size = trunk_size
        self.execution = execution
        self.momentum = momentum
        self.supports_jit = False
        self._make_layers(shape)
        self.build()

    def _make_layers(self, shape):
        self.stems = make_stems(self.tasks, shape.stem_filters, self.trunk_size, self.momentum)
        block_class = ElasticResidualBlock if shape.residual else ElasticVggBlock
        self.blocks = [
            block_class(
                filters,
                list(self.tasks),
                ratios=ratios,
                strides=strides,
                execution=self.execution,
                momentum=self.momentum,
                name=f"block{index + 1}",
            )
            for index, ((filters, strides), ratios) in enumerate(
                zip(shape.blocks, self.block_ratios, strict=True)
            )
        ]
        self.heads = {
            name: TaskHead(name, task["num_classes"], momentum=self.momentum, name=f"{name}_head")
            for name, task in self.tasks.items()
        }

    def build(self, input_shape=None):
        """Makes all variables; the tasks' image shapes are known, so no input is needed."""
        if self.built:
            return
        for stem in self.stems.values():
            stem.build()
        shape = (None, None, None, parse_backbone(self.backbone).stem_filters)
        for block in self.blocks:
            block.build(shape)
            shape = (*shape[:-1], block.filters)
        for head in self.heads.values():
            head.build(shape)
        self.built = True

    @property
    def num_blocks(self):
        return len(self.blocks)

    @property
    def num_levels(self):
        return len(self.block_ratios[0])

    def call(self, inputs, levels=None, task=None, training=False, gates=None):
        check_task(task, self.tasks)
        features = self.stems[task](inputs, training=training)
        if gates is not None:
            return self._call_gated(features, gates, levels, task, training)
        if levels is None:
            for block in self.blocks:
                features = block(features, task=task, training=training)
            return self.heads[task](features, training=training)
        levels = check_levels(levels, self.num_blocks, self.num_levels)
        if self.execution == "masked":
            for index, block in enumerate(self.blocks):
                features = block(features, levels=levels[:, index], task=task, training=training)
            return self.heads[task](features, training=training)
        return self._call_grouped(features, levels, task, training)

    def _call_grouped(self, features, levels, task, training):
        # Each block sorts what the last one left; the rows are put back once, as logits.
        rows = tf.range(tf.shape(features)[0])
        for index, block in enumerate(self.blocks):
            order = sort_by_level(levels[:, index])
            features = permute(features, order)
            levels = tf.gather(levels, order)
            rows = tf.gather(rows, order)
            features = block(
                features, levels=levels[:, index], task=task, training=training, sorted_rows=True
            )
        logits = self.heads[task](features, training=training)
        return permute(logits, inverse_permutation(rows))

    def _call_gated(self, features, gates, levels, task, training):
        check_gates(gates, self.num_blocks, self.num_levels)
        levels = None if levels is None else levels[:, 0]
        for index, block in enumerate(self.blocks):
            features = block(
                features, levels=levels, task=task, training=training, gates=gates[:, index]
            )
        return self.heads[task](features, training=training)

    def task_variables(self, task):
        """Returns the trainable variables that `task` uses: the trunk's, its stem's, its head's."""
        check_task(task, self.tasks)
        layers = [self.stems[task], *self.blocks, self.heads[task]]
        return [variable for layer in layers for variable in layer.trainable_variables]

    def cost_table(self, task, selector_macs=0):
        """Returns the `CostTable` of a task's models; see there for the arguments."""
        check_task(task, self.tasks)
        stem = self.stems[task]
        size, block_macs = stem.output_size, []
        for block in self.blocks:
            block_macs.append(block.macs(size))
            size = block.output_size(size)
        channels = np.array([block.channels_per_level for block in self.blocks])
        fixed = stem.macs() + self.heads[task].macs()
        return CostTable(fixed, block_macs, channels, selector_macs)
