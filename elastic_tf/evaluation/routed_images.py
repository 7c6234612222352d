"""What becomes of every image of a task: its model, what that costs, and what it answers."""

import dataclasses

import numpy as np
import tensorflow as tf

from elastic_tf.evaluation.answers import Answers
from elastic_tf.policies.budget import priced_greedy


@dataclasses.dataclass(frozen=True)
class RoutedImages:
    """The images of one task, in order, each on the model chosen for it.

    Attributes:
        labels: int array `(images,)`.
        classes: int array `(images,)`, the answers.
        confidence: float32 array `(images,)` in [0, 1], the probability of the answer.
        levels: int array `(images, blocks)`, the models.
        level_probabilities: float32 array `(images, blocks, levels)`, the selector's; each block's
            add up to 1.
        macs_share: float array `(images,)` > 0, of the full model's; selector included.
    """

    labels: np.ndarray
    classes: np.ndarray
    confidence: np.ndarray
    levels: np.ndarray
    level_probabilities: np.ndarray
    macs_share: np.ndarray

    @property
    def accuracy(self):
        """float in [0, 1]."""
        return float(np.mean(self.classes == self.labels))


def route_images(network, batches, task, price=0.0):
    """Runs every image of a task on the model that is chosen for it.

    Args:
        network: an `ElasticNetwork`.
        batches: iterable of `(images, labels)` that gives the same images at every pass.
        task: str.
        price: float, of MACs in the choice (see `priced_greedy`); the probabilities are those at
            this price too. Defaults to 0, the selector's own choice.

    Returns:
        `RoutedImages`.

    Raises:
        ValueError: if there is no image.
    """
    answers, table = Answers(network, batches, task), network.cost_table(task)
    levels = priced_greedy(answers.logits, table.block_shares, price).numpy()
    probabilities = tf.nn.softmax(answers.class_logits(levels)).numpy()
    worth = answers.logits - price * np.asarray(table.block_shares)
    return RoutedImages(
        labels=answers.labels,
        classes=probabilities.argmax(axis=-1),
        confidence=probabilities.max(axis=-1),
        levels=levels,
        level_probabilities=tf.nn.softmax(worth.astype(np.float32)).numpy(),
        macs_share=np.asarray(table.macs(levels), np.float64) / table.full_macs,
    )
