"""Figures of a task: how far off and how right its answers are, and running means of more."""

import keras
import tensorflow as tf

from elastic_tf import replicas

TRAINING = (
    "loss",
    "accuracy",
    "density",
    "macs_share",
    "reward",
    "entropy",
    "price",
    "guess_accuracy",
)
WEIGHTED = ("loss", "accuracy", "full_accuracy", "reward", "guess_accuracy")
TEST = ("loss", "accuracy", "full_accuracy", "density", "macs_share")


def cross_entropy(labels, logits, label_smoothing=0.0):
    """Returns the cross-entropy of each image, nats, float32 `(batch,)`.

    Args:
        labels: int tensor `(batch,)`.
        logits: float32 tensor `(batch, classes)`.
        label_smoothing: float in [0, 1), the share of a label that is spread over all classes, its
            own included.

    Reference: Szegedy et al., 2016 (arXiv 1512.00567), label smoothing.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    if not label_smoothing:
        return losses
    of_all = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1)
    return losses + label_smoothing * (of_all - losses)


def is_right(labels, logits):
    """Returns 1 for each image whose likeliest class is its label, else 0, float32 `(batch,)`."""
    return tf.cast(tf.argmax(logits, -1, output_type=labels.dtype) == labels, tf.float32)


def weighted_mean(values, weights=None):
    """Returns the sum of values times weights over the number of values, a float32 scalar.

    As Keras reduces a loss: an image of weight 2 counts as two, and one of weight 0 as one whose
    loss is 0. 0 if there is no value.

    Args:
        values: float32 tensor `(..., batch)`.
        weights: float32 tensor `(batch,)`; `None` for 1 each.
    """
    total = tf.reduce_sum(values if weights is None else values * weights)
    return tf.math.divide_no_nan(total, tf.cast(tf.size(values), tf.float32))


class TaskMetrics:
    """Means of one task's figures over an epoch or an evaluation.

    Args:
        task: str. The metrics are named `<task>_<figure>`.

    Attributes:
        means: dict from figure to `keras.metrics.Mean`. *loss* is the cross-entropy in nats;
            *accuracy* that of the models in use (in training those of the estimator batch, in
            evaluation those the selector chooses); *full_accuracy* that of the full model;
            *density* and *macs_share* the cost of the models in use; *reward*, *entropy* (nats
            per block) and *price* (of MACs, in nats) are the selector's, *guess_accuracy* that of
            the classes it guesses. *loss*, *reward* and what is right are means over weights, so
            that images of weight 0 do not count; MACs are spent whatever an image weighs.
    """

    def __init__(self, task):
        self.means = {
            figure: keras.metrics.Mean(name=f"{task}_{figure}")
            for figure in dict.fromkeys(TRAINING + TEST)
        }

    def update(self, weights=None, **values):
        """Adds tensors of per-image values, by figure.

        Args:
            weights: float32 tensor `(batch,)` of what is weighted; `None` for 1 each.
            **values: float32 tensors `(..., batch)`, or scalars.
        """
        for figure, value in values.items():
            each = None
            if weights is not None and figure in WEIGHTED:
                each = tf.reshape(tf.broadcast_to(weights, tf.shape(value)), [-1])
            # In a row: of a table Keras would take the mean of each line for one value.
            self.means[figure].update_state(tf.reshape(value, [-1]), each)

    def results(self, figures):
        """Returns `{metric name: mean}` for the figures named, over the images of all replicas."""
        means = [self.means[figure] for figure in figures]
        if replicas.count() == 1:
            return {mean.name: mean.result() for mean in means}
        sums = replicas.total(tf.stack([(mean.total.value, mean.count.value) for mean in means]))
        results = tf.math.divide_no_nan(sums[:, 0], sums[:, 1])
        return {mean.name: result for mean, result in zip(means, tf.unstack(results), strict=True)}
