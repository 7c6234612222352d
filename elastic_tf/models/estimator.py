"""The estimator: one set of weights that holds all models."""

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.costs.cost_table import CostTable
from elastic_tf.layers.elastic_block import ElasticBlock, check_lone_gates
from elastic_tf.layers.elastic_conv import run_unless_empty
from elastic_tf.layers.routing import gather_rows, plan_routes
from elastic_tf.layers.task_layers import TaskHead, check_images, make_stems
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
        trunk_size: int, pixels. Feature size that the strides of plain stems aim at.
        input_size: int, pixels, to which images are resized first; `None` for none.
        execution: `"auto"`, `"grouped"` or `"masked"`, see `ElasticBlock`; `"auto"` runs a batch of
            one, known when the graph is made, masked in inference.
        momentum: float in [0, 1), of the running averages.

    Call arguments:
        inputs: tensor `(batch, height, width, channels)`, pixels in 0..255, any numeric type.
        levels: int tensor `(batch, blocks)`, or `None` for the full model. With more rows than
            there are images, row `i` is a model for image `i` modulo their number; stems see every
            image once.
        task: str, by keyword.
        training: bool. Defaults to `False`.
        gates: float tensor `(batch, blocks, levels)`, in place of `levels` and not in training:
            the choice as something to differentiate by, see `ElasticBlock`.
        plan: the `Plan` of `levels`, as `plan` makes it, where the caller has one. Defaults to
            `None`: it is made here.

    Output shape: `(batch, num_classes)` of the task: logits, float32.

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
        input_size=NetworkSettings.input_size,
        execution=NetworkSettings.execution,
        momentum=NetworkSettings.momentum,
        **kwargs,
    ):
        # Of float images: pixels up to 255 are to be rescaled before they lose bits.
        super().__init__(**({"autocast": False} | kwargs))
        self.tasks = validate_tasks(tasks)
        self.backbone = backbone
        shape = parse_backbone(backbone)
        self.ratios = ratios
        self.block_ratios = shape.block_ratios(ratios)
        self.trunk_size = trunk_size
        self.input_size = input_size
        self.execution = execution
        self.momentum = momentum
        self._make_layers(shape)
        self.build()

    def _make_layers(self, shape):
        self.stems = make_stems(
            self.tasks,
            shape.stem_filters,
            self.trunk_size,
            self.momentum,
            self.dtype_policy,
            self.input_size,
            shape.stem,
        )
        self.blocks = [
            ElasticBlock(
                block.kind,
                block.filters,
                list(self.tasks),
                ratios=ratios,
                hidden_filters=block.hidden_filters,
                strides=block.strides,
                execution=self.execution,
                momentum=self.momentum,
                dtype=self.dtype_policy,
                name=f"block{index + 1}",
            )
            for index, (block, ratios) in enumerate(
                zip(shape.blocks, self.block_ratios, strict=True)
            )
        ]
        self.heads = {
            name: TaskHead(
                name,
                task["num_classes"],
                kind=shape.head,
                momentum=self.momentum,
                dtype=self.dtype_policy,
                name=f"{name}_head",
            )
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

    def call(self, inputs, levels=None, task=None, training=False, gates=None, plan=None):
        check_task(task, self.tasks)
        images = check_images(inputs, task, self.tasks[task]["image_shape"])
        choice = levels if gates is None else gates
        if gates is not None:
            check_lone_gates(levels, training)
            check_gates(gates, self.num_blocks, self.num_levels)
        elif levels is not None and plan is None:
            choice = levels = check_levels(levels, self.num_blocks, self.num_levels)
        return run_unless_empty(
            lambda images: self._classify(images, levels, gates, task, training, plan),
            images,
            (self.tasks[task]["num_classes"],),
            tf.float32,
            batch=None if choice is None else choice.shape[0],
        )

    def plan(self, levels, sizes=None):
        """Returns the plan of how a batch of models is run, for the call argument.

        Args:
            levels: int32 tensor `(batch, blocks)`, not empty, in range.
            sizes: how many rows have each level, where that is known; see `plan_routes`.
        """
        return plan_routes(levels, [block.channels_per_level for block in self.blocks], sizes)

    def _classify(self, images, levels, gates, task, training, plan):
        choice = levels if gates is None else gates
        features = _repeat(self.stems[task].run(images, training), choice)
        head = self.heads[task]
        if gates is not None or (levels is not None and self._masks(features, training)):
            for index, block in enumerate(self.blocks):
                of_block = (levels[:, index], None) if gates is None else (None, gates[:, index])
                features = block.run_masked(features, of_block[0], task, training, of_block[1])
            return head.run(features, training)
        if levels is None:
            for block in self.blocks:
                features = block.run(features, None, task, training)
            return head.run(features, training)
        plan = plan or self.plan(levels)
        for block, route in zip(self.blocks, plan.routes, strict=True):
            features = block.run(features, route, task, training)
        logits = head.run(features, training)
        return gather_rows(logits, plan.back, plan.order, training)

    def _masks(self, features, training):
        # Of a single image the groups of all other levels would run a row each.
        is_single = self.execution == "auto" and features.shape[0] == 1 and not training
        return self.execution == "masked" or is_single

    def enter(self, images, task):
        """Returns what the first block takes, in inference; `run_blocks` and `leave` go on.

        Args:
            images: tensor `(batch, height, width, channels)`, not empty, pixels in 0..255.
            task: str.
        """
        check_task(task, self.tasks)
        images = check_images(images, task, self.tasks[task]["image_shape"])
        return self.stems[task].run(images, False)

    def run_blocks(self, features, levels, blocks, task):
        """Runs some blocks in inference, where levels become known in parts.

        Args:
            features: tensor `(batch, height, width, channels)`, not empty, what the first takes.
            levels: int32 tensor `(batch, blocks)`, of these.
            blocks: slice of the blocks.
            task: str.

        Returns:
            What the last of them gives, in the order of `features`.
        """
        running = self.blocks[blocks]
        if self._masks(features, False):
            for block, of_block in zip(running, tf.unstack(levels, axis=1), strict=True):
                features = block.run_masked(features, of_block, task, False)
            return features
        plan = plan_routes(levels, [block.channels_per_level for block in running])
        for block, route in zip(running, plan.routes, strict=True):
            features = block.run(features, route, task, False)
        return gather_rows(features, plan.back, plan.order, False)

    def leave(self, features, task):
        """Returns the logits of what the last block gives, in inference."""
        return self.heads[task].run(features, False)

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
        head = self.heads[task].macs(size)
        return CostTable(stem.macs() + head, block_macs, channels, selector_macs, head)


def _repeat(features, choice):
    """Returns the features of the image of each row of `choice`, see the call arguments."""
    if choice is None or choice.shape[0] == features.shape[0] is not None:
        return features
    rows, images = (tensor.shape[0] or tf.shape(tensor)[0] for tensor in (choice, features))
    if isinstance(rows, int) and isinstance(images, int):
        whole, rest = divmod(rows, images)
        # Its gradient is a sum of slices, where that of a gather would be one over segments.
        return tf.concat([features] * whole + [features[:rest]] * (rest > 0), axis=0)
    return tf.cond(
        tf.equal(rows, images),
        lambda: features,
        lambda: tf.gather(features, tf.range(rows) % images),
    )
