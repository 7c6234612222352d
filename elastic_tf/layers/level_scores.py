"""The selector's last layers: from pooled features to a score for every level of every block."""

import math

import keras
import tensorflow as tf

from elastic_tf.costs.cost_table import dense_macs
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization
from elastic_tf.settings import Configured

FEATURES = ("pooled", "normalised", "confident")
NUM_CONFIDENCE_FEATURES = 3
# Lead of the top level at first, in logits: about half of the draws of a block of four levels.
_WIDEST_OFFSET = 1.5


def confidence_features(guess):
    """Returns how sure a guess is: largest probability, lead over the second, entropy.

    Args:
        guess: float tensor `(batch, classes)`, logits of at least two classes.

    Returns:
        Tensor `(batch, 3)` of the same type, each in [0, 1]; the entropy is a share of the largest
        possible. They have no gradient: the guess is to be right, not to please the choice.
    """
    log_probabilities = tf.nn.log_softmax(tf.stop_gradient(guess))
    probabilities = tf.exp(log_probabilities)
    top = tf.math.top_k(probabilities, 2).values
    entropy = -tf.reduce_sum(probabilities * log_probabilities, axis=-1)
    most = math.log(guess.shape[-1])
    return tf.stack([top[:, 0], top[:, 0] - top[:, 1], entropy / most], axis=-1)


@keras.saving.register_keras_serializable("elastic_tf")
class LevelScores(Configured, keras.layers.Layer):
    """A linear layer, and on request what makes its scores follow the image.

    `features` says what the scores see, each more than the one before:

    - `"pooled"`: the pooled features, as in the paper; one linear layer with one bias for all
      tasks.
    - `"normalised"`: what all images have in common is the larger part of pooled features, and
      would be learned first, the same choice for every image. So they are normalised, and each
      task has offsets of its own, because normalisation per task takes the tasks' differences
      away.
    - `"confident"`: besides, a linear layer for each task guesses the class, trained by the labels,
      and the scores see how sure it is. How much an image needs is a matter of how hard it is, of
      which rewards say little and a guess says much.

    Args:
        num_classes: dict from task name to int.
        num_blocks: int.
        num_levels: int.
        features: `"pooled"`, `"normalised"` or `"confident"`. Defaults to `"confident"`.
        momentum: float in [0, 1), of the running averages. Defaults to 0.9.
        own_scores: sequence of str, tasks with linear layers of their own in place of those of all:
            tasks added to a trained network, for which what all tasks share may not change.

    Call arguments:
        inputs: float tensor `(batch, channels)`, pooled features.
        task: str, by keyword.
        training: bool. Defaults to `False`.

    Returns:
        scores: `(batch, num_blocks, num_levels)`, logits.
        guess: `(batch, num_classes)` of the task, logits; `None` unless `"confident"`.

    Raises:
        ValueError: if `features` is unknown, or `own_scores` has a task that is.
    """

    def __init__(
        self,
        num_classes,
        num_blocks,
        num_levels,
        features="confident",
        momentum=0.9,
        own_scores=(),
        **kwargs,
    ):
        super().__init__(**kwargs)
        if features not in FEATURES:
            raise ValueError(f"`features` must be one of {FEATURES}. Received: {features=}")
        if not set(own_scores) <= set(num_classes):
            raise ValueError(
                f"`own_scores` must be of {list(num_classes)}. Received: {own_scores=}"
            )
        self.num_classes = dict(num_classes)
        self.num_blocks = num_blocks
        self.num_levels = num_levels
        self.features = features
        self.momentum = momentum
        self.own_scores = tuple(own_scores)

    def build(self, input_shape):
        channels, scores = input_shape[-1], self.num_blocks * self.num_levels
        shared = {"dtype": self.dtype_policy}
        pooled = self.features == "pooled"
        # From zero, all images start with the same choice, and differ where that has proved good.
        initializer = "glorot_uniform" if pooled else "zeros"
        self.linear, self.own_linears = self._scoring("linear", channels, pooled, initializer)
        if pooled:
            return
        tasks = list(self.num_classes)
        self.norm = TaskBatchNormalization(tasks, momentum=self.momentum, name="norm", **shared)
        self.norm.build((None, 1, 1, channels))
        self.offsets = {
            task: self.add_weight(name=f"{task}_offset", shape=(scores,), initializer=self._wide)
            for task in tasks
        }
        if self.features == "normalised":
            return
        self.guesses = {
            task: keras.layers.Dense(count, name=f"{task}_guess", **shared)
            for task, count in self.num_classes.items()
        }
        for guess in self.guesses.values():
            guess.build((None, channels))
        self.confidence_norm = TaskBatchNormalization(
            tasks, momentum=self.momentum, name="confidence_norm", **shared
        )
        self.confidence_norm.build((None, 1, 1, NUM_CONFIDENCE_FEATURES))
        self.confidence, self.own_confidences = self._scoring(
            "confidence", NUM_CONFIDENCE_FEATURES, False, "zeros"
        )

    def _scoring(self, name, channels, use_bias, initializer):
        """Returns a linear layer that gives scores, and those of tasks with their own, a dict."""

        def make(name):
            layer = keras.layers.Dense(
                self.num_blocks * self.num_levels,
                use_bias=use_bias,
                kernel_initializer=initializer,
                dtype=self.dtype_policy,
                name=name,
            )
            layer.build((None, channels))
            return layer

        return make(name), {task: make(f"{task}_{name}") for task in self.own_scores}

    def linear_of(self, task):
        """Returns the linear layer that gives a task's scores, its own or that of all."""
        return self.own_linears.get(task, self.linear)

    def confidence_of(self, task):
        """The same of how sure the guess is, with `"confident"` features."""
        return self.own_confidences.get(task, self.confidence)

    def call(self, inputs, task=None, training=False):
        if self.features == "pooled":
            return self._shaped(self.linear_of(task)(inputs)), None
        pooled = _normalise(self.norm, inputs, task, training)
        scores = self.linear_of(task)(pooled) + self.offsets[task]
        if self.features == "normalised":
            return self._shaped(scores), None
        guess = self.guesses[task](pooled)
        sureness = confidence_features(guess)
        sureness = _normalise(self.confidence_norm, sureness, task, training)
        return self._shaped(scores + self.confidence_of(task)(sureness)), guess

    def task_variables(self, task):
        """Returns the trainable variables that `task` uses: all but other tasks' own."""
        layers = self._scored_by(task)
        if self.features == "confident":
            layers.append(self.guesses[task])
        variables = [variable for layer in layers for variable in layer.trainable_variables]
        return variables if self.features == "pooled" else [*variables, self.offsets[task]]

    def shared_layers(self):
        """Returns the layers of all tasks, a list."""
        return self._scored_by(None)

    def _scored_by(self, task):
        layers = [self.linear_of(task)]
        if self.features != "pooled":
            layers.append(self.norm)
        if self.features == "confident":
            layers += [self.confidence_norm, self.confidence_of(task)]
        return layers

    def guess_variables(self, task):
        """Returns those of them that the guess depends on; none unless `"confident"`."""
        if self.features != "confident":
            return []
        return self.norm.trainable_variables + self.guesses[task].trainable_variables

    def shift_offsets(self, task, amounts):
        """Takes amounts off the scores of a task, from now on.

        Args:
            task: str.
            amounts: float array `(num_blocks, num_levels)`.

        Raises:
            ValueError: for `"pooled"` features, where tasks have no offsets of their own.
        """
        if self.features == "pooled":
            raise ValueError(
                "`features` must not be 'pooled' for offsets of a task. Received: features=pooled"
            )
        self.offsets[task].assign_sub(tf.reshape(tf.cast(amounts, tf.float32), [-1]))

    def macs(self, task):
        """Returns the MACs for one image, an int."""
        channels, scores = self.linear.kernel.shape
        total = dense_macs(channels, scores)
        if self.features == "confident":
            total += dense_macs(channels, self.num_classes[task])
            total += dense_macs(NUM_CONFIDENCE_FEATURES, scores)
        return total

    def _wide(self, shape, dtype=None):
        """Initial offsets: the full model, as the only one known to be good, is the likeliest."""
        of_block = tf.linspace(0.0, _WIDEST_OFFSET, self.num_levels)
        return tf.cast(tf.tile(of_block, [self.num_blocks]), dtype or "float32")

    def _shaped(self, scores):
        return tf.reshape(scores, [-1, self.num_blocks, self.num_levels])


def _normalise(norm, vectors, task, training):
    images = vectors[:, tf.newaxis, tf.newaxis, :]
    return norm(images, task=task, training=training)[:, 0, 0, :]
