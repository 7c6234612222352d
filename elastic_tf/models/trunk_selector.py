"""A selector within the trunk: at the entry of every stage it scores the levels of its blocks."""

import typing

import keras
import tensorflow as tf

from elastic_tf.layers.level_scores import LevelScores
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization
from elastic_tf.layers.task_layers import pool_globally
from elastic_tf.models.backbones import parse_backbone
from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.models.tasks import check_task, validate_tasks
from elastic_tf.settings import Configured


class Routed(typing.NamedTuple):
    """What came of a batch that was routed stage by stage.

    Attributes:
        logits: float32 `(rows, classes)`, of the classes.
        levels: int32 `(rows, blocks)`, those that were picked.
        scores: float32 `(rows, blocks, levels)`, as they were where each block was chosen for.
        guesses: float32 `(stages, rows, classes)`, logits of the class guessed at every entry; no
            stages where nothing guesses.
    """

    logits: tf.Tensor
    levels: tf.Tensor
    scores: tf.Tensor
    guesses: tf.Tensor


@keras.saving.register_keras_serializable("elastic_tf")
class StageHead(Configured, keras.layers.Layer):
    """Scores the levels of one stage's blocks by the features that enter it.

    Normalisation, ReLU, global average pooling, `LevelScores`. The features have no gradient: the
    trunk is to classify, not to please the choice.

    Args:
        num_classes: dict from task name to int.
        num_blocks: int, of the stage.
        num_levels: int.
        momentum, features, own_scores: as of `LevelScores`.

    Call arguments:
        inputs: tensor `(batch, height, width, channels)`, not empty.
        task: str, by keyword.
        training: bool. Defaults to `False`.

    Returns:
        Scores `(batch, num_blocks, num_levels)` and guess, see `LevelScores`.
    """

    def __init__(
        self, num_classes, num_blocks, num_levels, momentum, features, own_scores=(), **kwargs
    ):
        super().__init__(**kwargs)
        self.num_classes = dict(num_classes)
        self.num_blocks = num_blocks
        self.num_levels = num_levels
        self.momentum = momentum
        self.features = features
        self.own_scores = tuple(own_scores)

    def build(self, input_shape):
        self.norm = TaskBatchNormalization(
            list(self.num_classes),
            momentum=self.momentum,
            activation="relu",
            dtype=self.dtype_policy,
            name="norm",
        )
        self.norm.build(input_shape)
        self.scores = LevelScores(
            self.num_classes,
            self.num_blocks,
            self.num_levels,
            features=self.features,
            momentum=self.momentum,
            own_scores=self.own_scores,
            dtype="float32",  # Scores decide, and their differences are small.
            name="scores",
        )
        self.scores.build((None, input_shape[-1]))

    def call(self, inputs, task=None, training=False):
        features = self.norm.run(tf.stop_gradient(inputs), task, training=training)
        return self.scores(pool_globally(features), task=task, training=training)


@keras.saving.register_keras_serializable("elastic_tf")
class TrunkSelector(Configured, keras.Model):
    """A `StageHead` at the entry of every stage of the estimator, and no network of its own.

    What a stage is chosen by has been computed anyway, and the later the choice, the more is known
    of the image: information grows with depth. The first head sees what the stem delivers.

    Args:
        tasks: dict, as of `Estimator`.
        backbone: str, the estimator's.
        num_levels: int. Levels to choose from.
        momentum: float in [0, 1), of the running averages.
        features, own_scores: as of `Selector`.

    Call arguments:
        inputs: tensor `(batch, height, width, channels)`, what enters the stage, not empty.
        stage: int, by keyword.
        task: str, by keyword.
        training: bool. Defaults to `False`.

    Returns:
        As `StageHead`.

    Raises:
        ValueError: if an argument is not usable.

    Reference: Li et al., 2021 (arXiv 2103.13258), dynamic slimmable networks, whose gates read the
        features of a stage; Veit and Belongie, 2018 (arXiv 1711.11503).
    """

    def __init__(
        self,
        tasks,
        backbone=NetworkSettings.backbone,
        num_levels=NetworkSettings.num_levels,
        momentum=NetworkSettings.momentum,
        features=NetworkSettings.selector_features,
        own_scores=(),
        **kwargs,
    ):
        super().__init__(**({"autocast": False} | kwargs))
        self.tasks = validate_tasks(tasks)
        self.backbone = backbone
        self.num_levels = num_levels
        self.momentum = momentum
        self.features = features
        self.own_scores = tuple(own_scores)
        shape = parse_backbone(backbone)
        self.stages = list(shape.stages)
        self.heads = [
            StageHead(
                {name: task["num_classes"] for name, task in self.tasks.items()},
                of.stop - of.start,
                num_levels,
                momentum,
                features,
                own_scores,
                dtype=self.dtype_policy,
                name=f"stage{index + 1}",
            )
            for index, of in enumerate(self.stages)
        ]
        channels = (shape.stem_filters, *shape.stage_filters)
        for head, filters in zip(self.heads, channels, strict=False):
            head.build((None, None, None, filters))
        self.built = True

    def call(self, inputs, stage=0, task=None, training=False):
        check_task(task, self.tasks)
        return self.heads[stage](inputs, task=task, training=training)

    def route(self, estimator, images, task, pick, samples=1, training=False):
        """Runs images through the estimator, whose levels are picked stage by stage.

        The estimator runs as in inference.

        Args:
            estimator: the `Estimator` of the same tasks and backbone.
            images: tensor `(batch, height, width, channels)`, pixels in 0..255.
            task: str.
            pick: function from the scores of a stage, float32 `(rows, blocks, levels)`, and its
                slice of the blocks to the levels, int32 `(rows, blocks)`.
            samples: int, how often each image is a row: all images once, then all of them again.
                Defaults to 1.
            training: bool, of the heads. Defaults to `False`.

        Returns:
            A `Routed`.
        """
        images = tf.convert_to_tensor(images)

        def run():
            return self._route(estimator, images, task, pick, samples, training)

        if images.shape[0]:
            return run()
        return tf.cond(tf.shape(images)[0] > 0, run, lambda: self._nothing(task))

    def _route(self, estimator, images, task, pick, samples, training):
        features = estimator.enter(images, task)
        features = tf.concat([features] * samples, axis=0)
        levels, scores, guesses = [], [], []
        for stage, blocks in enumerate(self.stages):
            of_stage, guess = self(features, stage=stage, task=task, training=training)
            levels.append(pick(of_stage, blocks))
            scores.append(of_stage)
            guesses += [] if guess is None else [guess]
            features = estimator.run_blocks(features, levels[-1], blocks, task)
        logits = estimator.leave(features, task)
        guesses = tf.stack(guesses) if guesses else tf.zeros_like(logits)[tf.newaxis][:0]
        return Routed(logits, tf.concat(levels, 1), tf.concat(scores, 1), guesses)

    def _nothing(self, task):
        blocks, classes = self.stages[-1].stop, self.tasks[task]["num_classes"]
        guessing = len(self.heads) if self.features == "confident" else 0
        return Routed(
            tf.zeros((0, classes)),
            tf.zeros((0, blocks), tf.int32),
            tf.zeros((0, blocks, self.num_levels)),
            tf.zeros((guessing, 0, classes)),
        )

    def task_variables(self, task):
        """Returns the trainable variables that `task` uses: all but other tasks' own."""
        check_task(task, self.tasks)
        return [
            variable
            for head in self.heads
            for variable in [*head.norm.trainable_variables, *head.scores.task_variables(task)]
        ]

    def guess_variables(self, task):
        """Returns none: in an estimator's step, what to guess by would cost a pass of it."""
        del task
        return []

    def shared_layers(self):
        """Returns the layers of all tasks, a list."""
        return [layer for head in self.heads for layer in (head.norm, *head.scores.shared_layers())]

    def shift_offsets(self, task, amounts):
        """Takes amounts off the scores of a task, from now on; see `LevelScores`."""
        for head, blocks in zip(self.heads, self.stages, strict=True):
            head.scores.shift_offsets(task, amounts[blocks])

    def macs(self, task):
        """Returns the MACs of all heads for one image of `task`, an int."""
        check_task(task, self.tasks)
        return sum(head.scores.macs(task) for head in self.heads)
