"""Models as standard Keras networks without any elasticity."""

import keras
import numpy as np

from elastic_tf.layers.blocks import ElasticResidualBlock
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization
from elastic_tf.layers.task_layers import TaskStem
from elastic_tf.models.backbones import parse_backbone
from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.models.tasks import check_task


def standalone_network(
    image_shape, num_classes, backbone, widths, trunk_size=NetworkSettings.trunk_size
):
    """Returns the Keras model with the layers of one model of an `Estimator`.

    The weights are new. Layers are named `stem_conv`, `block1_norm1`, `head_linear` and so on.

    Args:
        image_shape: `(height, width, channels)`, pixels.
        num_classes: int.
        backbone: str, a name that `parse_backbone` understands.
        widths: list of ints, the hidden channels of each block. 0 leaves a residual block's branch
            out; VGG blocks need at least 1.
        trunk_size: int, pixels. Feature size that the stem's stride aims at.

    Returns:
        `keras.Model` from images `(batch, *image_shape)`, pixels in 0..255, to logits
        `(batch, num_classes)`.

    Raises:
        ValueError: if `widths` does not fit the backbone, or its name is not understood.

    Reference: Zagoruyko and Komodakis, 2016 (arXiv 1605.07146); Ahn et al., 2019, supplement.
    """
    shape = parse_backbone(backbone)
    least = 0 if shape.residual else 1
    if len(widths) != shape.num_blocks or any(width < least for width in widths):
        raise ValueError(
            f"`widths` must hold {shape.num_blocks} integers >= {least}, one for each block of "
            f"{backbone}. Received: widths={widths}"
        )
    strides = TaskStem("task", shape.stem_filters, image_shape, trunk_size).strides
    inputs = keras.Input(image_shape)
    features = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    stem = _conv(features, shape.stem_filters, "stem_conv", strides, kernel_size=7)
    features = _norm_relu(stem, "stem_norm")
    block = _residual_block if shape.residual else _vgg_block
    for index, ((filters, strides), width) in enumerate(zip(shape.blocks, widths, strict=True)):
        features = block(features, filters, strides, width, f"block{index + 1}")
    pooled = keras.layers.GlobalAveragePooling2D()(_norm_relu(features, "head_norm"))
    return keras.Model(inputs, keras.layers.Dense(num_classes, name="head_linear")(pooled))


def _residual_block(features, filters, strides, width, name):
    shortcut = features
    if strides > 1:
        shortcut = keras.layers.AveragePooling2D(strides, padding="same")(shortcut)
    missing = filters - shortcut.shape[-1]
    if missing:
        left = missing // 2
        shortcut = keras.ops.pad(shortcut, [(0, 0), (0, 0), (0, 0), (left, missing - left)])
    if not width:
        return shortcut
    hidden = _conv(_norm_relu(features, f"{name}_norm1"), width, f"{name}_conv1", strides)
    hidden = _conv(_norm_relu(hidden, f"{name}_norm2"), filters, f"{name}_conv2")
    return keras.layers.Add()([shortcut, hidden])


def _vgg_block(features, filters, strides, width, name):
    if strides > 1:
        features = keras.layers.MaxPooling2D(strides, padding="same")(features)
    features = _norm_relu(_conv(features, width, f"{name}_conv1"), f"{name}_norm1")
    return _norm_relu(_conv(features, filters, f"{name}_conv2"), f"{name}_norm2")


def _conv(features, filters, name, strides=1, kernel_size=3):
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(features)


def _norm_relu(features, name):
    norm = keras.layers.BatchNormalization(momentum=NetworkSettings.momentum, name=name)
    return keras.layers.ReLU()(norm(features))


def standalone_layers(estimator, task):
    """Returns the layers with weights that one task's images pass, in order.

    Args:
        estimator: an `Estimator`.
        task: str, one of its tasks.

    Returns:
        Dict from the name that `standalone_network` gives a layer to the estimator's own: an
        `ElasticConv2D`, a `TaskBatchNormalization` or a `keras.layers.Dense`.
    """
    stem, head = estimator.stems[task], estimator.heads[task]
    found = {"stem_conv": stem.conv, "stem_norm": stem.norm}
    for index, block in enumerate(estimator.blocks):
        found |= {f"block{index + 1}_{name}": layer for name, layer in _block_layers(block)}
    return found | {"head_norm": head.norm, "head_linear": head.linear}


def _block_layers(block):
    if isinstance(block, ElasticResidualBlock):
        return [(name, getattr(block, name)) for name in ("norm1", "conv1", "norm2", "conv2")]
    return [
        (f"{kind}{number}", layer)
        for number, pair in enumerate(zip(block.convs, block.norms, strict=True), 1)
        for kind, layer in zip(("conv", "norm"), pair, strict=True)
    ]


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
    model = standalone_network(
        shape["image_shape"],
        shape["num_classes"],
        estimator.backbone,
        widths,
        estimator.trunk_size,
    )
    for name, layer in standalone_layers(estimator, task).items():
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
