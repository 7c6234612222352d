"""Images whose model is planted: it follows from their class."""

import numpy as np
import tensorflow as tf

from elastic_tf.evaluation.chosen_models import RoutedImages, chosen_models
from elastic_tf.report.routing import TaskRouting

NUM_CLASSES, NUM_LEVELS = 4, 3
# The models of classes 0 to 3; two classes share one.
MODELS = np.array([[2, 0], [1, 1], [1, 1], [0, 2]])
MACS = np.array([0.5, 0.4, 0.4, 0.6])


def planted_routing(task="planted", per_class=(5, 8, 4, 3), channels=3):
    """Returns a `TaskRouting`: image number i is filled with i; even images are answered rightly.

    Args:
        task: str.
        per_class: tuple of int, images of each class.
        channels: 1 or 3.
    """
    labels = np.concatenate([np.full(count, label) for label, count in enumerate(per_class)])
    labels = np.random.default_rng(0).permutation(labels)
    numbers = np.arange(len(labels))
    images = np.broadcast_to(
        numbers.astype(np.uint8)[:, None, None, None], (len(labels), 6, 5, channels)
    )
    levels = MODELS[labels]
    probabilities = np.eye(NUM_LEVELS)[levels] * 0.7 + 0.1
    routed = RoutedImages(
        labels=labels,
        classes=np.where(numbers % 2, (labels + 1) % NUM_CLASSES, labels),
        confidence=0.5 + numbers / 100,
        levels=levels,
        level_probabilities=probabilities,
        macs_share=MACS[labels],
    )
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(7)
    names = [f"class {label}" for label in range(NUM_CLASSES)]
    return TaskRouting(task, names, routed, chosen_models(levels), batches)
