"""Estimator and selector of one task, frozen for prediction."""

import tensorflow as tf

from elastic_tf.inference.frozen_estimator import FrozenEstimator
from elastic_tf.inference.frozen_selector import FrozenSelector
from elastic_tf.policies.budget import levels_at_budget


class FrozenNetwork:
    """Predicts as an `ElasticNetwork` does on one task, in less time.

    Weights are copied when it is made, folded where algebra allows, and become constants of the
    graph, which TensorFlow lays out once; training the network further does not change it. It has
    no variables. It computes in float32 whatever the network's policy. Wrap it in `tf.function`:
    run eagerly it is right, but slow.

    Args:
        network: an `ElasticNetwork` (or `DeepElasticNetwork`).
        task: str.
        calibration: the task's `BudgetCalibration`, for calls with a budget. Defaults to `None`.

    Call arguments:
        images: tensor `(batch, height, width, channels)` of any numeric type, pixels in 0..255.
            The batch may be empty.
        budget: float in (0, 1], the mean MACs per image as a share of the full model's, selector
            included; or `None`, the default, for the selector's own choice. Within `tf.function`,
            give it as a scalar tensor: every number would make a graph of its own.

    Returns:
        `{"logits": float32 (batch, num_classes), "levels": int32 (batch, blocks)}`.

    Attributes:
        estimator: the `FrozenEstimator`, for levels of the caller's choice.
        selector: the `FrozenSelector`.

    Raises:
        ValueError: if `images` does not have the task's shape, `task` is unknown, or `budget` is
            out of range or given without a calibration.

    Example:

    >>> tasks = {"digits": {"image_shape": (8, 8, 1), "num_classes": 10}}
    >>> frozen = FrozenNetwork(ElasticNetwork(tasks, backbone="wrn-8-1"), "digits")
    >>> predict = tf.function(frozen)
    >>> predict(tf.zeros((2, 8, 8, 1)))["logits"].shape
    TensorShape([2, 10])
    """

    def __init__(self, network, task, calibration=None):
        self.estimator = FrozenEstimator(network.estimator, task)
        self.selector = FrozenSelector(network.selector, task)
        self.calibration = calibration
        self._block_shares = network.cost_table(task).block_shares

    @tf.autograph.experimental.do_not_convert  # It has nothing to convert, and is traced faster.
    def __call__(self, images, budget=None):
        levels = self.select_levels(images, budget)
        return {"logits": self.estimator(images, levels), "levels": levels}

    def select_levels(self, images, budget=None):
        """Returns the selected level of each block, int32 `(batch, blocks)`; see `budget`."""
        logits = self.selector(images)
        return levels_at_budget(logits, self._block_shares, budget, self.calibration)
