"""Selectors of one task, frozen for prediction: a network of its own, and heads in the trunk."""

import numpy as np
import tensorflow as tf

from elastic_tf.inference.frozen_blocks import FrozenBlock, scale_and_offset
from elastic_tf.inference.frozen_estimator import FrozenStem
from elastic_tf.layers.elastic_conv import run_unless_empty
from elastic_tf.layers.level_scores import confidence_features
from elastic_tf.layers.norm_ops import scale_offset
from elastic_tf.layers.task_layers import check_images, pool_globally
from elastic_tf.models.tasks import check_task


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
        weights = scores.linear_of(task).weights
        kernel, *bias = (np.asarray(weight, np.float32) for weight in weights)
        self._confidence = None
        if scores.features == "pooled":
            self._linear = kernel, *bias
            return
        norm = scale_and_offset(scores.norm, task)
        kernel, bias = _folded(norm, kernel, np.asarray(scores.offsets[task], np.float32))
        if scores.features == "confident":
            of_sureness = scale_and_offset(scores.confidence_norm, task)
            confidence = np.asarray(scores.confidence_of(task).kernel, np.float32)
            self._confidence, offset = _folded(of_sureness, confidence, bias)
            guess = (np.asarray(weight, np.float32) for weight in scores.guesses[task].weights)
            # One product for scores and guess.
            parts = zip((kernel, offset), _folded(norm, *guess), strict=True)
            kernel, bias = (np.concatenate(pair, axis=-1) for pair in parts)
        self._linear = kernel, bias

    def __call__(self, pooled):
        kernel, bias = self._linear
        scores = tf.matmul(pooled, kernel) + bias
        if self._confidence is None:
            return scores
        count = self._confidence.shape[-1]
        scores, guess = tf.split(scores, [count, scores.shape[-1] - count], axis=-1)
        return scores + tf.matmul(confidence_features(guess), self._confidence)


def _folded(norm, kernel, bias):
    """Returns kernel and bias of a linear layer with the normalisation before it."""
    scale, offset = norm
    return scale[:, np.newaxis] * kernel, offset @ kernel + bias


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


class FrozenTrunkSelector:
    """Routes a batch as `TrunkSelector` does, in less time.

    Args:
        selector: a `TrunkSelector`. Its weights are copied as they are now.
        task: str.
    """

    def __init__(self, selector, task):
        check_task(task, selector.tasks)
        self._heads = [
            (scale_and_offset(head.norm, task), FrozenScores(head.scores, task), blocks)
            for head, blocks in zip(selector.heads, selector.stages, strict=True)
        ]
        self._num_levels = selector.num_levels

    def route(self, estimator, features, pick, run_blocks):
        """Picks levels stage by stage, and runs each before the next are picked.

        Args:
            estimator: the task's `FrozenEstimator`.
            features: what its stem gives, not empty.
            pick: function from scores `(batch, blocks, levels)` and their slice of the blocks to
                levels, int32 `(batch, blocks)`.
            run_blocks: `estimator.run_one`, `estimator.run_grouped`, or as these.

        Returns:
            `{"logits": float32 (batch, classes), "levels": int32 (batch, blocks), "scores": float32
            (batch, blocks, levels)}`.
        """
        place = None  # Which row of the features each image is, once they have moved.
        levels, scores = [], []
        for norm, score, blocks in self._heads:
            pooled = pool_globally(scale_offset(features, *norm))
            of_stage = tf.reshape(score(pooled), [-1, blocks.stop - blocks.start, self._num_levels])
            picked = pick(of_stage, blocks)
            scores.append(_gather(of_stage, place))
            levels.append(_gather(picked, place))
            features, moved = run_blocks(features, picked, blocks)
            place = moved if place is None else _gather(moved, place)
        return {
            "logits": _gather(estimator.head(features), place),
            "levels": tf.concat(levels, axis=1),
            "scores": tf.concat(scores, axis=1),
        }


def _gather(rows, place):
    return rows if place is None else tf.gather(rows, place)
