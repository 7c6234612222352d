"""Models as standard Keras networks without any elasticity."""

import keras
import numpy as np

from elastic_tf.layers.block_kinds import block_kind
from elastic_tf.layers.steps import Conv, Norm, Pool, named_steps
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization
from elastic_tf.layers.task_layers import HEAD_KINDS, TaskStem
from elastic_tf.models.backbones import parse_backbone
from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.models.tasks import check_task


def standalone_network(
    image_shape,
    num_classes,
    backbone,
    widths,
    trunk_size=NetworkSettings.trunk_size,
    dtype="float32",
    input_size=None,
):
    """Returns the Keras model with the layers of one model of an `Estimator`.

    The weights are new. Layers are named `stem_conv`, `block1_norm1`, `head_linear` and so on.

    Args:
        image_shape: `(height, width, channels)`, pixels.
        num_classes: int.
        backbone: str, a name that `parse_backbone` understands.
        widths: list of ints, the hidden channels of each block. 0 leaves all but the shortcut out;
            blocks without one need at least 1.
        trunk_size: int, pixels. Feature size that the stem's stride aims at.
        dtype: Keras policy or its name; logits are float32 whatever it is.
        input_size: int, pixels, to which images are resized first; `None` for none.

    Returns:
        `keras.Model` from images `(batch, *image_shape)`, pixels in 0..255, to logits
        `(batch, num_classes)`.

    Raises:
        ValueError: if `widths` does not fit the backbone, or its name is not understood.

    Reference: Zagoruyko and Komodakis, 2016 (arXiv 1605.07146); Ahn et al., 2019, supplement.
    """
    shape = parse_backbone(backbone)
    least = [0 if block.skippable else 1 for block in shape.blocks]
    if len(widths) != len(least) or any(w < low for w, low in zip(widths, least, strict=False)):
        raise ValueError(
            f"`widths` must hold {shape.num_blocks} integers >= {least}, one for each block of "
            f"{backbone}. Received: widths={widths}"
        )
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        stem = TaskStem("task", shape.stem_filters, image_shape, trunk_size, input_size, shape.stem)
        return _standalone_network(stem, num_classes, shape, widths)
    finally:
        keras.config.set_dtype_policy(policy)


def _standalone_network(stem, num_classes, shape, widths):
    # In float32 whatever the policy, which would round pixels.
    inputs = features = keras.Input(stem.image_shape, dtype="float32")
    if stem.resized != stem.image_shape[:2]:
        # Not by `Resizing`: its call is in training where nothing else is said, and so is then that
        # of every layer behind it.
        features = keras.ops.image.resize(features, stem.resized)
    pixels = stem.description
    features = keras.layers.Rescaling(pixels.scale, pixels.offset, dtype="float32")(features)
    features = _walk(
        features,
        stem.named_steps(),
        "stem",
        lambda step: step.filters or stem.filters,
        stem.strides,
    )
    for index, (block, width) in enumerate(zip(shape.blocks, widths, strict=True)):
        features = _block(features, block, width, f"block{index + 1}")
    steps = named_steps(HEAD_KINDS[shape.head], first="")
    features = _walk(features, steps, "head", lambda step: step.filters)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    linear = keras.layers.Dense(num_classes, dtype="float32", name="head_linear")
    return keras.Model(inputs, linear(pooled))


def _walk(features, steps, name, filters, strides=1):
    """Walks steps with standard layers; see `make_layers`."""
    for step, layer in steps:
        if isinstance(step, Norm):
            features = _norm(features, f"{name}_{layer}", step.activation)
        elif isinstance(step, Pool):
            features = keras.layers.ZeroPadding2D(1)(features)
            features = keras.layers.MaxPooling2D(3, step.strides)(features)
        else:
            features = _conv(features, step, filters(step), f"{name}_{layer}", strides)
    return features


def _block(features, block, width, name):
    shortcut, strides, kind = None, block.strides, block_kind(block.kind)
    steps = kind.named_steps()
    if kind.projects:
        features = _walk(features, [steps.pop(0)], name, None)
        projection = Conv(1, strided=True, bias=True)
        shortcut = _conv(features, projection, block.filters, f"{name}_shortcut", strides)
    elif kind.has_shortcut(features.shape[-1], block.filters, strides):
        shortcut = _shortcut(features, block.filters, strides, kind.shortcut)
    if not width:
        return shortcut
    if kind.pools and strides > 1:
        features = keras.layers.MaxPooling2D(strides, padding="same")(features)
    features = _walk(
        features,
        steps,
        name,
        lambda step: width if step.to_hidden else block.filters,
        strides,
    )
    return features if shortcut is None else keras.layers.Add()([shortcut, features])


def _shortcut(features, filters, strides, kind):
    if kind == "subsample":
        return features if strides == 1 else keras.layers.MaxPooling2D(1, strides)(features)
    if strides > 1:
        features = keras.layers.AveragePooling2D(strides, padding="same")(features)
    missing = filters - features.shape[-1]
    if missing:
        left = missing // 2
        features = keras.ops.pad(features, [(0, 0), (0, 0), (0, 0), (left, missing - left)])
    return features


def _conv(features, step, filters, name, strides):
    settings = {
        "strides": strides if step.strided else 1,
        "padding": "same",
        "use_bias": step.bias,
        "name": name,
    }
    if step.symmetric:
        features = keras.layers.ZeroPadding2D(step.kernel_size // 2)(features)
        settings["padding"] = "valid"
    if step.depthwise:
        return keras.layers.DepthwiseConv2D(step.kernel_size, **settings)(features)
    settings["kernel_initializer"] = "he_normal"
    return keras.layers.Conv2D(filters, step.kernel_size, **settings)(features)


def _norm(features, name, activation="relu"):
    norm = keras.layers.BatchNormalization(momentum=NetworkSettings.momentum, name=name)
    features = norm(features)
    if activation is None:
        return features
    return keras.layers.ReLU(max_value=6.0 if activation == "relu6" else None)(features)


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
    parts = [("stem", stem, stem.named_steps())]
    for index, block in enumerate(estimator.blocks):
        steps = block.description.named_steps()
        if block.description.projects:
            # As Keras orders layers: by their distance from the outputs.
            steps.insert(-1, (None, "shortcut"))
        parts.append((f"block{index + 1}", block, steps))
    parts.append(("head", head, head.named_steps()))
    found = {
        f"{prefix}_{name}": getattr(part, name)
        for prefix, part, steps in parts
        for _, name in steps
        if name
    }
    return found | {"head_linear": head.linear}


def fixed_network(estimator, task, levels, dtype="float32"):
    """Cuts one model of one task out of an estimator.

    The result has standard Keras layers only, with no more weights than the model uses, so it can
    be saved, converted, quantised and trained further like any other.

    Args:
        estimator: an `Estimator`. Its weights are copied as they are now.
        task: str.
        levels: sequence of int, the level of every block, each in `[0, num_levels)`.
        dtype: see `standalone_network`.

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
        dtype,
        estimator.input_size,
    )
    level_of = {f"block{index + 1}": int(level) for index, level in enumerate(levels)}
    for name, layer in standalone_layers(estimator, task).items():
        if name in (target.name for target in model.layers):
            target = model.get_layer(name)
            values = _values(layer, task, level_of.get(name.partition("_")[0]))
            target.set_weights(
                [_prefix(*pair) for pair in zip(values, target.weights, strict=True)]
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


def _values(layer, task, level):
    """Returns a layer's weights in the order of the Keras layer that does the same."""
    if isinstance(layer, TaskBatchNormalization):
        weights = layer.gamma, layer.beta, *layer.averages(task, level)
        return [np.asarray(value) for value in weights]
    return layer.get_weights()


def _prefix(value, target):
    """Returns the first channels of a weight, as many as its target has."""
    return value[tuple(slice(size) for size in target.shape)]
