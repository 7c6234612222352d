"""Selector of one task, and with the estimator the whole network, frozen for prediction."""

import numpy as np
import tensorflow as tf

from elastic_tf.inference.frozen_blocks import FrozenBlock, scale_and_offset
from elastic_tf.inference.frozen_estimator import FrozenEstimator, FrozenStem
from elastic_tf.inference.rows import run_groups_for_litert, run_groups_for_onnx
from elastic_tf.layers.elastic_conv import run_unless_empty
from elastic_tf.layers.level_scores import confidence_features
from elastic_tf.layers.norm_ops import scale_offset
from elastic_tf.layers.task_layers import check_images, pool_globally
from elastic_tf.models.tasks import check_task
from elastic_tf.policies.budget import levels_at_budget
from elastic_tf.policies.second_look import SECOND_LOOK, is_second_look, look_at_budget

_RUN_GROUPS = {"litert": run_groups_for_litert, "onnx": run_groups_for_onnx}


class FrozenScores:
    """`LevelScores` with every normalisation folded into a matrix.

    Args:
        scores: a `LevelScores`. Its weights are copied as they are now.
        task: str.

    Call arguments:
        pooled: float32 tensor `(batch, channels)`, not empty.

    Returns:
        float32 tensor `(batch, num_blocks * num_levels)`.
    """

    def __init__(self, scores, task):
        weights = [np.asarray(weight, np.float32) for weight in scores.linear_of(task).weights]
        self._guess = None
        if scores.features == "pooled":
            self._linear = weights
            return
        norm = scale_and_offset(scores.norm, task)
        self._linear = _folded(norm, weights[0], np.asarray(scores.offsets[task], np.float32))
        if scores.features == "confident":
            kernel, bias = (np.asarray(w, np.float32) for w in scores.guesses[task].weights)
            self._guess = _folded(norm, kernel, bias)
            norm = scale_and_offset(scores.confidence_norm, task)
            kernel = np.asarray(scores.confidence_of(task).kernel, np.float32)
            self._confidence = _folded(norm, kernel, 0)

    def __call__(self, pooled):
        scores = _apply(self._linear, pooled)
        if self._guess is None:
            return scores
        sureness = confidence_features(_apply(self._guess, pooled))
        return scores + _apply(self._confidence, sureness)


def _folded(norm, kernel, bias):
    """Returns kernel and bias of a linear layer with the normalisation before it."""
    scale, offset = norm
    return scale[:, np.newaxis] * kernel, offset @ kernel + bias


def _apply(layer, vectors):
    kernel, bias = layer
    return tf.matmul(vectors, kernel) + bias


class FrozenSelector:
    """Gives the logits of `Selector` in less time.

    Args:
        selector: a `Selector`. Its weights are copied as they are now.
        task: str.
        dtype: as of `FrozenEstimator`.

    Call arguments:
        images: tensor `(batch, height, width, channels)` of any numeric type, pixels in 0..255.
            The batch may be empty.

    Returns:
        Logits, float32 `(batch, num_blocks, num_levels)`.

    Raises:
        ValueError: if `images` does not have the task's shape, or `task` is unknown.
    """

    def __init__(self, selector, task, dtype=None):
        check_task(task, selector.tasks)
        self.task = task
        self.image_shape = selector.tasks[task]["image_shape"]
        self.num_blocks = selector.num_blocks
        self.num_levels = selector.num_levels
        self._stem = FrozenStem(selector.stems[task], dtype or selector.compute_dtype)
        self._blocks = [FrozenBlock(block, task) for block in selector.blocks]
        self._norm = scale_and_offset(selector.norm, task)
        self._scores = FrozenScores(selector.scores, task)

    @tf.autograph.experimental.do_not_convert  # It has nothing to convert, and is traced faster.
    def __call__(self, images):
        images = check_images(images, self.task, self.image_shape)
        return run_unless_empty(self.score, images, (self.num_blocks, self.num_levels), tf.float32)

    def score(self, images):
        """Returns the logits of images that are not empty; as a call, without its checks."""
        features = self._stem(images)
        for block in self._blocks:
            features = block(features)
        pooled = pool_globally(scale_offset(features, *self._norm))
        return tf.reshape(self._scores(pooled), [-1, self.num_blocks, self.num_levels])


class FrozenNetwork:
    """Predicts as an `ElasticNetwork` does on one task, in less time.

    Weights are copied when it is made, folded where algebra allows, and become constants of the
    graph, which TensorFlow lays out once; training the network further does not change it. It has
    no variables. Wrap it in `tf.function`:
    run eagerly it is right, but slow.

    Args:
        network: an `ElasticNetwork` (or `DeepElasticNetwork`).
        task: str.
        dtype: str, in which the blocks compute, `"float32"`, `"bfloat16"` or `"float16"`. Defaults
            to `None`, the network's.

    Call arguments:
        images: tensor `(batch, height, width, channels)` of any numeric type, pixels in 0..255.
            The batch may be empty.
        budget: float in (0, 1], the mean MACs per image as a share of the full model's, selector
            included; or `None`, the default, for the selector's own choice.
        policy: what keeps to a budget: `"second_look"`, the default, a `SecondLook`, for which the
            budget must be a number; or `"selector"`, a price on its scores. Within `tf.function`,
            give the selector's budget as a scalar tensor: every number would make a graph of its
            own. Both are as the network had them when this was made.

    Returns:
        `{"logits": float32 (batch, num_classes), "levels": int32 (batch, blocks)}`; of a second
        look, see `FrozenEstimator.look_twice`.

    Attributes:
        estimator: the `FrozenEstimator`, for levels of the caller's choice.
        selector: the `FrozenSelector`.

    Raises:
        ValueError: if `images` does not have the task's shape, `task` is unknown, or `budget` is
            out of range or given where the network had no calibration.

    Example:

    >>> tasks = {"digits": {"image_shape": (8, 8, 1), "num_classes": 10}}
    >>> frozen = FrozenNetwork(ElasticNetwork(tasks, backbone="wrn-8-1"), "digits")
    >>> predict = tf.function(frozen)
    >>> predict(tf.zeros((2, 8, 8, 1)))["logits"].shape
    TensorShape([2, 10])
    """

    def __init__(self, network, task, dtype=None):
        self.estimator = FrozenEstimator(network.estimator, task, dtype)
        self.selector = FrozenSelector(network.selector, task, dtype)
        self.calibration = network.calibrations.get(task)
        self._second_looks = network.second_looks.get(task)
        self._block_shares = network.cost_table(task).block_shares

    @tf.autograph.experimental.do_not_convert  # It has nothing to convert, and is traced faster.
    def __call__(self, images, budget=None, policy=SECOND_LOOK):
        if is_second_look(policy, budget):
            return self.estimator.look_twice(images, look_at_budget(budget, self._second_looks))
        levels = self.select_levels(images, budget)
        return {"logits": self.estimator(images, levels), "levels": levels}

    def select_levels(self, images, budget=None):
        """Returns the selected level of each block, int32 `(batch, blocks)`; see `budget`."""
        logits = self.selector(images)
        return levels_at_budget(logits, self._block_shares, budget, self.calibration)


class PortableNetwork:
    """Predicts as `FrozenNetwork` does, with operations that LiteRT and ONNX have.

    Slower under TensorFlow than `FrozenNetwork`, and with one choice: that at a price of MACs,
    which is a constant of the graph. For LiteRT the batch must not be empty.

    Args:
        network: an `ElasticNetwork`. Its weights are copied as they are now.
        task: str.
        price: float, of MACs, see `priced_greedy`. Defaults to 0, the selector's own choice.
        runtime: `"litert"` or `"onnx"`, for which the graph is made. Defaults to `"litert"`, which
            TensorFlow can run, too; its convolutions cannot do with the empty groups of the other.

    Call arguments:
        images: tensor `(batch, height, width, channels)` of any numeric type, pixels in 0..255.

    Returns:
        `{"logits": float32 (batch, num_classes), "levels": int32 (batch, blocks)}`.

    Raises:
        ValueError: if `images` does not have the task's shape, or `task` or `runtime` is unknown.
    """

    def __init__(self, network, task, price=0.0, runtime="litert"):
        if runtime not in _RUN_GROUPS:
            raise ValueError(
                f"`runtime` must be one of {', '.join(_RUN_GROUPS)}. Received: runtime={runtime}"
            )
        self._run_groups = _RUN_GROUPS[runtime]
        self.estimator = FrozenEstimator(network.estimator, task, "float32")
        self.selector = FrozenSelector(network.selector, task, "float32")
        # In float32, as other runtimes lack float64 here and there; not a tensor, which would be an
        # input of the graph.
        self._level_prices = (price * network.cost_table(task).block_shares).astype(np.float32)

    @tf.autograph.experimental.do_not_convert  # It has nothing to convert, and is traced faster.
    def __call__(self, images):
        estimator = self.estimator
        images = check_images(images, estimator.task, estimator.image_shape)
        levels = self._select(images)
        logits = estimator.classify_gathered(images, levels, self._run_groups)
        return {"logits": logits, "levels": levels}

    def _select(self, images):
        scores = self.selector.score(images) - self._level_prices
        return tf.argmax(scores, axis=-1, output_type=tf.int32)
