"""The estimator's loss: cross-entropy, and on request the full model as teacher."""

import typing

import tensorflow as tf


class EstimatorLoss(typing.NamedTuple):
    """What an estimator step on one batch comes to.

    Attributes:
        loss: float32 scalar, to be minimised; 0 for an empty batch.
        cross_entropy: float32 `(batch,)`, of the models in use, nats.
        logits: float32 `(batch, classes)`, of the models in use.
    """

    loss: tf.Tensor
    cross_entropy: tf.Tensor
    logits: tf.Tensor


def estimator_loss(estimator, images, labels, levels, task, distillation_weight=0.0):
    """Runs every image on its model, in training.

    With distillation every image runs on the full model too, which learns from the labels, and
    its soft answers teach the other model: `CE(full) + (1 - w) * CE(model) + w * CE(model,
    full's answer)`. Both are rows of one batch, so that one set of moments fits both, as one set of
    averages has to in inference. The full model's gradient is what it would be without the
    others.

    Args:
        estimator: an `Estimator`.
        images: tensor `(batch, height, width, channels)`.
        labels: int tensor `(batch,)`.
        levels: int32 tensor `(batch, blocks)`.
        task: str.
        distillation_weight: float in [0, 1]. 0 for none, and no run of the full model.

    Returns:
        An `EstimatorLoss`.

    Reference: Yu and Huang, 2019 (arXiv 1903.05134), in-place distillation.
    """
    if not distillation_weight:
        logits = estimator(images, levels=levels, task=task, training=True)
        cross_entropy = _cross_entropy(labels, logits)
        return EstimatorLoss(_mean(cross_entropy), cross_entropy, logits)
    full_levels = tf.fill(tf.shape(levels), estimator.num_levels - 1)
    both = estimator(
        tf.concat([images, images], axis=0),
        levels=tf.concat([full_levels, levels], axis=0),
        task=task,
        training=True,
    )
    full, logits = tf.split(both, 2)
    cross_entropy = _cross_entropy(labels, logits)
    taught = tf.nn.softmax_cross_entropy_with_logits(tf.stop_gradient(tf.nn.softmax(full)), logits)
    of_model = (1 - distillation_weight) * cross_entropy + distillation_weight * taught
    return EstimatorLoss(_mean(_cross_entropy(labels, full) + of_model), cross_entropy, logits)


def _cross_entropy(labels, logits):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def _mean(losses):
    return tf.math.divide_no_nan(tf.reduce_sum(losses), tf.cast(tf.shape(losses)[0], tf.float32))
