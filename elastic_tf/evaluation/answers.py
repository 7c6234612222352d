"""What a network answers on the images of one task, for any choice of models."""

import copy

import numpy as np
import tensorflow as tf

from elastic_tf.inference.frozen_network import FrozenNetwork


def as_answers(network, batches, task):
    """Returns the `Answers` of a network on batches.

    Args:
        network, batches, task: see `Answers`; or `batches` is the `Answers` themselves, where
            there are some already: to freeze a network takes seconds.
    """
    return batches if isinstance(batches, Answers) else Answers(network, batches, task)


class Answers:
    """Passes over the images of one task with a frozen copy of the network.

    Args:
        network: an `ElasticNetwork`.
        batches: iterable of `(images, labels)` that gives the same images at every pass.
        task: str.

    Attributes:
        labels: int64 array `(images,)`.
        logits: float32 array `(images, blocks, levels)`, of the selector.

    Raises:
        ValueError: if there is no image.
    """

    def __init__(self, network, batches, task):
        self._task = task
        frozen = FrozenNetwork(network, task)
        height, width, channels = network.tasks[task]["image_shape"]
        images = tf.TensorSpec((None, height, width, channels), tf.uint8)
        levels = tf.TensorSpec((None, network.num_blocks), tf.int32)
        self._score = tf.function(frozen.selector, input_signature=[images])
        self._classify = tf.function(frozen.estimator, input_signature=[images, levels])
        self._look_at(batches)

    def on(self, batches):
        """Returns the answers of the same frozen network on other images; it is not built anew."""
        other = copy.copy(self)
        other._look_at(batches)
        return other

    def _look_at(self, batches):
        self._batches = batches
        scored = [
            (self._score(tf.cast(images, tf.uint8)).numpy(), np.asarray(labels, np.int64))
            for images, labels in batches
        ]
        if not sum(len(labels) for _, labels in scored):
            raise ValueError(
                f"`batches` must hold at least one image of task '{self._task}'. Received: none"
            )
        self.logits = np.concatenate([logits for logits, _ in scored])
        self.labels = np.concatenate([labels for _, labels in scored])

    def __len__(self):
        return len(self.labels)

    def are_right(self, levels):
        """Returns which images are classified rightly, a bool array `(images,)`.

        Args:
            levels: int array `(images, blocks)`, or `(blocks,)` for the same model everywhere.
        """
        return self.class_logits(levels).argmax(axis=-1) == self.labels

    def class_logits(self, levels):
        """Returns the class logits of every image on its model, float32 `(images, classes)`.

        Args:
            levels: see `are_right`.
        """
        levels = np.asarray(levels, np.int32)
        levels = np.broadcast_to(levels, (len(self), levels.shape[-1]))
        logits, start = [], 0
        for images, _ in self._batches:
            stop = start + len(images)
            chosen = tf.constant(levels[start:stop])
            logits.append(self._classify(tf.cast(images, tf.uint8), chosen).numpy())
            start = stop
        return np.concatenate(logits)
