"""The selector's last layers, frozen for prediction."""

import numpy as np
import tensorflow as tf

from elastic_tf.inference.folding import scale_and_offset
from elastic_tf.layers.level_scores import confidence_features


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
        weights = [np.asarray(weight, np.float32) for weight in scores.linear.weights]
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
            self._confidence = _folded(norm, np.asarray(scores.confidence.kernel, np.float32), 0)

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
