"""Estimator and selector of one task, frozen for prediction."""

import tensorflow as tf

from elastic_tf.inference.frozen_estimator import FrozenEstimator
from elastic_tf.inference.frozen_selector import FrozenSelector


class FrozenNetwork:
    """Predicts as an `ElasticNetwork` does on one task, in less time.

    Weights are copied when it is made, folded where algebra allows, and become constants of the
    graph, which TensorFlow lays out once; training the network further does not change it. It has
    no variables. It computes in float32 whatever the network's policy. Wrap it in `tf.function`:
    run eagerly it is right, but slow.

    Args:
        network: an `ElasticNetwork` (or `DeepElasticNetwork`).
        task: str.

    Call arguments:
        images: tensor `(batch, height, width, channels)` of any numeric type, pixels in 0..255.
            The batch may be empty.

    Returns:
        `{"logits": float32 (batch, num_classes), "levels": int32 (batch, blocks)}`.

    Attributes:
        estimator: the `FrozenEstimator`, for levels of the caller's choice.
        selector: the `FrozenSelector`.

    Raises:
        ValueError: if `images` does not have the task's shape, or `task` is unknown.

    Example:

    >>> tasks = {"digits": {"image_shape": (8, 8, 1), "num_classes": 10}}
    >>> frozen = FrozenNetwork(ElasticNetwork(tasks, backbone="wrn-8-1"), "digits")
    >>> predict = tf.function(frozen)
    >>> predict(tf.zeros((2, 8, 8, 1)))["logits"].shape
    TensorShape([2, 10])
    """

    def __init__(self, network, task):
        self.estimator = FrozenEstimator(network.estimator, task)
        self.selector = FrozenSelector(network.selector, task)

    def __call__(self, images):
        levels = self.select_levels(images)
        return {"logits": self.estimator(images, levels), "levels": levels}

    def select_levels(self, images):
        """Returns the selector's most likely level of each block, int32 `(batch, blocks)`."""
        return tf.argmax(self.selector(images), axis=-1, output_type=tf.int32)
