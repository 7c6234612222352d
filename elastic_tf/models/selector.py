"""The selector: a small network that looks at an image and scores levels for every block."""

import keras
import tensorflow as tf

from elastic_tf.layers.elastic_block import ElasticBlock
from elastic_tf.layers.elastic_conv import run_unless_empty
from elastic_tf.layers.level_scores import LevelScores
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization
from elastic_tf.layers.task_layers import check_images, make_stems, pool_globally
from elastic_tf.models.backbones import parse_backbone
from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.models.tasks import check_task, validate_tasks
from elastic_tf.settings import Configured


@keras.saving.register_keras_serializable("elastic_tf")
class Selector(Configured, keras.Model):
    """One narrow residual block per stage of the backbone, then a linear layer.

    `q(m | image)` is a product over blocks of softmaxes over levels. Stems are per task, the blocks
    are shared; what is added to the paper's selector after them, so that its choice follows the
    image, `LevelScores` says. Defaults are those of `NetworkSettings`.

    Args:
        tasks: dict, as of `Estimator`.
        backbone: str. The estimator's backbone; stage widths are taken from it.
        num_blocks: int. Blocks of the estimator to choose for.
        num_levels: int. Levels to choose from.
        hidden_ratio: float in (0, 1]. Hidden width of a block as a share of its stage's.
            0.25 is about 5 % of WRN-32-4's MACs.
        trunk_size: int, pixels. Feature size that the stems' strides aim at.
        momentum: float in [0, 1), of the running averages.
        features: what the scores see, as of `LevelScores`; `"pooled"` is the paper's.
        own_scores: sequence of str, tasks whose scores have layers of their own, as of
            `LevelScores`. Defaults to none.

    Call arguments:
        inputs: tensor `(batch, height, width, channels)`, pixels in 0..255.
        task: str, by keyword.
        training: bool. Defaults to `False`.
        return_guess: bool. Defaults to `False`.

    Output shape: `(batch, num_blocks, num_levels)`: logits, float32. With `return_guess` a pair of
    these and the logits of the guessed class `(batch, num_classes)`, or `None`, as of
    `LevelScores`.

    Raises:
        ValueError: if an argument is not usable.

    Reference: Ahn et al., 2019, section 3; the method's section 3.
    """

    def __init__(
        self,
        tasks,
        backbone=NetworkSettings.backbone,
        num_blocks=15,
        num_levels=NetworkSettings.num_levels,
        hidden_ratio=NetworkSettings.selector_hidden_ratio,
        trunk_size=NetworkSettings.trunk_size,
        momentum=NetworkSettings.momentum,
        features=NetworkSettings.selector_features,
        own_scores=(),
        **kwargs,
    ):
        # Of float images: pixels up to 255 are to be rescaled before they lose bits.
        super().__init__(**({"autocast": False} | kwargs))
        if not 0 < hidden_ratio <= 1:
            raise ValueError(f"`hidden_ratio` must be in (0, 1]. Received: {hidden_ratio=}")
        self.tasks = validate_tasks(tasks)
        self.backbone = backbone
        self.num_blocks = num_blocks
        self.num_levels = num_levels
        self.hidden_ratio = hidden_ratio
        self.trunk_size = trunk_size
        self.momentum = momentum
        self.features = features
        self.own_scores = tuple(own_scores)
        self._make_layers(parse_backbone(backbone))
        self.build()

    def _make_layers(self, shape):
        names = list(self.tasks)
        self.stems = make_stems(
            self.tasks, shape.stem_filters, self.trunk_size, self.momentum, self.dtype_policy
        )
        self.blocks = [
            ElasticBlock(
                "basic",
                filters,
                names,
                ratios=(0.0, 1.0),
                hidden_filters=max(1, round(filters * self.hidden_ratio)),
                strides=1 if stage == 0 else 2,
                momentum=self.momentum,
                dtype=self.dtype_policy,
                name=f"block{stage + 1}",
            )
            for stage, filters in enumerate(shape.stage_filters)
        ]
        self.norm = TaskBatchNormalization(
            names,
            momentum=self.momentum,
            activation="relu",
            dtype=self.dtype_policy,
            name="norm",
        )
        self.scores = LevelScores(
            {name: task["num_classes"] for name, task in self.tasks.items()},
            self.num_blocks,
            self.num_levels,
            features=self.features,
            momentum=self.momentum,
            own_scores=self.own_scores,
            dtype="float32",  # Whatever the policy: scores decide, and their differences are small.
            name="scores",
        )

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
        self.norm.build(shape)
        self.scores.build((None, shape[-1]))
        self.built = True

    def call(self, inputs, task=None, training=False, return_guess=False):
        check_task(task, self.tasks)
        images = check_images(inputs, task, self.tasks[task]["image_shape"])
        pooled = run_unless_empty(
            lambda images: self._pooled(images, task, training),
            images,
            (self.blocks[-1].filters,),
            tf.float32,
        )
        logits, guess = self.scores(pooled, task=task, training=training)
        return (logits, guess) if return_guess else logits

    def _pooled(self, images, task, training):
        features = self.stems[task].run(images, training)
        for block in self.blocks:
            features = block.run(features, None, task, training)
        return pool_globally(self.norm.run(features, task, training=training))

    def task_variables(self, task):
        """Returns the trainable variables that `task` uses: all but other tasks' own."""
        return self._feature_variables(task) + self.scores.task_variables(task)

    def guess_variables(self, task):
        """Returns those that the guessed class depends on; none where there is no guess."""
        own = self.scores.guess_variables(task)
        return self._feature_variables(task) + own if own else []

    def shared_layers(self):
        """Returns the layers of all tasks, a list."""
        return [*self.blocks, self.norm, *self.scores.shared_layers()]

    def shift_offsets(self, task, amounts):
        """Takes amounts off the scores of a task, from now on; see `LevelScores`."""
        self.scores.shift_offsets(task, amounts)

    def _feature_variables(self, task):
        check_task(task, self.tasks)
        layers = [self.stems[task], *self.blocks, self.norm]
        return [variable for layer in layers for variable in layer.trainable_variables]

    def macs(self, task):
        """Returns the MACs of the selector for one image of `task`, an int."""
        check_task(task, self.tasks)
        size, total = self.stems[task].output_size, self.stems[task].macs()
        for block in self.blocks:
            total += block.macs(size)[-1]
            size = block.output_size(size)
        return total + self.scores.macs(task)
