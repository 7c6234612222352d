"""A backbone of plain Keras layers: what one fixed model costs without any elasticity."""

import keras

from elastic_tf.layers.task_stem import TaskStem
from elastic_tf.models.backbones import parse_backbone


def plain_backbone(image_shape, num_classes, backbone, widths, trunk_size=32):
    """Returns the Keras model with the layers of one model of an `Estimator`.

    The weights are new. Layers are named `stem_conv`, `block1_norm1`, `head_linear` and so on.

    Args:
        image_shape: `(height, width, channels)`, pixels.
        num_classes: int.
        backbone: str, a name that `parse_backbone` understands.
        widths: list of ints, the hidden channels of each block. 0 leaves a residual block's branch
            out; plain blocks need at least 1.
        trunk_size: int, pixels. Feature size that the stem's stride aims at. Defaults to 32.

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
    block = _residual_block if shape.residual else _plain_block
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


def _plain_block(features, filters, strides, width, name):
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
    normalised = keras.layers.BatchNormalization(momentum=0.9, name=name)(features)
    return keras.layers.ReLU()(normalised)
