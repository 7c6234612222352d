"""One candidate model by itself: a plain Keras network without any elasticity."""

import numpy as np

from elastic_tf.layers.task_batch_norm import TaskBatchNormalization
from elastic_tf.models.plain_backbone import plain_backbone
from elastic_tf.models.plain_layers import plain_layers
from elastic_tf.models.tasks import check_task


def fixed_network(estimator, task, levels):
    """Cuts one model of one task out of an estimator.

    The result has standard Keras layers only, with no more weights than the model uses, so it can
    be saved, converted, quantised and trained further like any other.

    Args:
        estimator: an `Estimator`. Its weights are copied as they are now.
        task: str.
        levels: sequence of int, the level of every block, each in `[0, num_levels)`.

    Returns:
        A functional `keras.Model` from images `(batch, *image_shape)`, pixels in 0..255, to logits
        `(batch, num_classes)`: those of `estimator(images, levels=..., task=task)`.

    Raises:
        ValueError: if `task` is unknown, or `levels` are not one for each block, in range.

    Reference: Ahn et al., 2019, supplement section 1: levels are nested.
    """
    check_task(task, estimator.tasks)
    widths = _widths(estimator, levels)
    shape = estimator.tasks[task]
    model = plain_backbone(
        shape["image_shape"],
        shape["num_classes"],
        estimator.backbone,
        widths,
        estimator.trunk_size,
    )
    for name, layer in plain_layers(estimator, task).items():
        if name in (target.name for target in model.layers):
            target = model.get_layer(name)
            target.set_weights(
                [_prefix(*pair) for pair in zip(_values(layer, task), target.weights, strict=True)]
            )
    return model


def _widths(estimator, levels):
    levels = [int(level) for level in np.asarray(levels).reshape(-1)]
    blocks, count = len(estimator.blocks), estimator.num_levels
    if len(levels) != blocks or not all(0 <= level < count for level in levels):
        raise ValueError(
            f"`levels` must be {blocks} integers in [0, {count}), one for each block. "
            f"Received: levels={levels}"
        )
    return [
        block.channels_per_level[level]
        for block, level in zip(estimator.blocks, levels, strict=True)
    ]


def _values(layer, task):
    """Returns a layer's weights in the order of the Keras layer that does the same."""
    if isinstance(layer, TaskBatchNormalization):
        averages = layer.moving_means[task], layer.moving_variances[task]
        return [np.asarray(value) for value in (layer.gamma, layer.beta, *averages)]
    return layer.get_weights()


def _prefix(value, target):
    """Returns the first channels of a weight, as many as its target has."""
    return value[tuple(slice(size) for size in target.shape)]
