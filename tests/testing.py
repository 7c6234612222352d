"""Helpers of the tests: tiny tasks and data, and plain Keras models to compare with."""

import keras
import numpy as np
import tensorflow as tf

TASKS = {
    "grey": {"image_shape": (8, 8, 1), "num_classes": 3},
    "colour": {"image_shape": (11, 9, 3), "num_classes": 4},
}


def random_images(task="grey", batch=6, seed=0):
    """Returns uint8 images of a task in `TASKS`."""
    shape = (batch, *TASKS[task]["image_shape"])
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def random_batch(tasks=tuple(TASKS), batch=6, seed=0):
    """Returns `{task: (images, labels)}`."""
    generator = np.random.default_rng(seed)
    return {
        task: (
            tf.constant(random_images(task, batch, seed)),
            tf.constant(generator.integers(0, TASKS[task]["num_classes"], batch), tf.int32),
        )
        for task in tasks
    }


def randomise(layer, seed=0):
    """Gives every weight of a layer a random value; variances and scales stay positive."""
    generator = np.random.default_rng(seed)
    for weight in layer.weights:
        value = generator.normal(0, 0.3, weight.shape)
        positive = "variance" in weight.path or "gamma" in weight.path
        if np.issubdtype(np.dtype(weight.dtype), np.floating):
            weight.assign(1 + np.abs(value) if positive else value)


def plain_residual_backbone(image_shape, num_classes, stem, blocks, levels):
    """Returns a plain Keras model with the widths that a level vector gives.

    Args:
        image_shape: `(height, width, channels)`.
        num_classes: int.
        stem: `(filters, strides)`.
        blocks: list of `(filters, strides)`.
        levels: list of hidden widths, one per block; 0 leaves the branch out.
    """
    layers = keras.layers
    inputs = keras.Input(image_shape)
    features = layers.Conv2D(stem[0], 7, stem[1], "same", use_bias=False)(inputs)
    for (filters, strides), width in zip(blocks, levels, strict=True):
        shortcut = features
        if strides > 1:
            shortcut = layers.AveragePooling2D(strides, padding="same")(shortcut)
        missing = filters - shortcut.shape[-1]
        if missing:
            shortcut = layers.ZeroPadding2D(((0, 0), (missing // 2, missing - missing // 2)))(
                layers.Permute((1, 3, 2))(shortcut)
            )
            shortcut = layers.Permute((1, 3, 2))(shortcut)
        if width:
            hidden = layers.ReLU()(layers.BatchNormalization()(features))
            hidden = layers.Conv2D(width, 3, strides, "same", use_bias=False)(hidden)
            hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
            hidden = layers.Conv2D(filters, 3, 1, "same", use_bias=False)(hidden)
            shortcut = layers.Add()([shortcut, hidden])
        features = shortcut
    pooled = layers.GlobalAveragePooling2D()(features)
    return keras.Model(inputs, layers.Dense(num_classes)(pooled))


def profiler_macs(model):
    """Returns the MACs that TensorFlow's own profiler counts in convolutions and products."""
    function = tf.function(lambda images: model(images, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec((1, *model.input_shape[1:])))
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    node = tf.compat.v1.profiler.profile(concrete.graph, cmd="op", options=options)
    flops = 0
    while node.children:  # The profiler's list of kinds of operation, each the child of the last.
        node = node.children[0]
        flops += node.float_ops if node.name in ("Conv2D", "MatMul") else 0
    return flops // 2
