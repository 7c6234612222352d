"""Estimator and selector of one task for runtimes other than TensorFlow."""

import numpy as np
import tensorflow as tf

from elastic_tf.inference.frozen_estimator import FrozenEstimator
from elastic_tf.inference.frozen_selector import FrozenSelector
from elastic_tf.layers.image_check import check_images


class PortableNetwork:
    """Predicts as `FrozenNetwork` does, with operations that LiteRT and ONNX have.

    Slower under TensorFlow than `FrozenNetwork`, and with one choice: that at a price of MACs,
    which is a constant of the graph. For LiteRT the batch must not be empty.

    Args:
        network: an `ElasticNetwork`. Its weights are copied as they are now.
        task: str.
        price: float, of MACs, see `priced_greedy`. Defaults to 0, the selector's own choice.

    Call arguments:
        images: tensor `(batch, height, width, channels)` of any numeric type, pixels in 0..255.

    Returns:
        `{"logits": float32 (batch, num_classes), "levels": int32 (batch, blocks)}`.

    Raises:
        ValueError: if `images` does not have the task's shape, or `task` is unknown.
    """

    def __init__(self, network, task, price=0.0):
        self.estimator = FrozenEstimator(network.estimator, task)
        self.selector = FrozenSelector(network.selector, task)
        # In float32, as other runtimes lack float64 here and there; not a tensor, which would be an
        # input of the graph.
        self._charge = (price * network.cost_table(task).block_shares).astype(np.float32)

    @tf.autograph.experimental.do_not_convert  # It has nothing to convert, and is traced faster.
    def __call__(self, images):
        estimator = self.estimator
        images = check_images(images, estimator.task, estimator.image_shape)
        levels = self._select(images)
        return {"logits": estimator.classify_gathered(images, levels), "levels": levels}

    def _select(self, images):
        scores = self.selector.score(images) - self._charge
        return tf.argmax(scores, axis=-1, output_type=tf.int32)
