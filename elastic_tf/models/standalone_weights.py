"""A way in: an existing standalone network becomes the full level of an estimator."""

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.layers.elastic_conv import ElasticConv2D
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization
from elastic_tf.models.standalone import standalone_layers
from elastic_tf.models.tasks import check_task

_NUM_IMAGES = 8
# Of the largest logit; and where one of the two does not compute in float32.
_TOLERANCE, _COARSE_TOLERANCE = 1e-5, 5e-2
_SMALLEST = 1e-30  # Of a probability whose logarithm is compared; smaller ones may be 0.


_PIXEL_TOLERANCE = 1e-6


def load_standalone_weights(estimator, network, task):
    """Gives an estimator the weights of a trained standalone network of the same depth and width.

    The full model then gives that network's logits; narrower ones have still to be learned.
    The layers are matched in their order, whatever their names; `standalone_network` makes networks
    that fit. The running averages of the trunk become those of all tasks, as the trunk's weights
    are shared; stems and heads of other tasks are left as they are.

    What differs without consequence is taken into account: biases before a normalisation, another
    epsilon, normalisation without scale or offset, a stem's kernel smaller than 7x7 (it is padded
    with zeros), another scale of the pixels, if grey 127.5 is 0 for both.

    Args:
        estimator: an `Estimator`.
        network: a `keras.Model` of `Conv2D`, `BatchNormalization` and `Dense` layers, and others
            without weights. If it has a `Rescaling` layer, its images are pixels in 0..255; if it
            has none, pixels in -1..1.
        task: str, the task whose stem and head are set.

    Returns:
        The largest difference between outputs on random images, a float, as a share of the largest
        output.

    Raises:
        ValueError: if the layers are not those of the estimator, or outputs on random images are
            not those of the full model with the same weights. Nothing is changed then.

    Reference: Cai et al., 2020 (arXiv 1908.09791), on starting from the full network.
    """
    check_task(task, estimator.tasks)
    layers = layers_within(network)
    targets, sources = (
        standalone_layers(estimator, task),
        [layer for layer in layers if layer.weights],
    )
    _check_kinds(targets, sources)
    scale = _pixel_scale(layers, estimator.stems[task].description)
    pairs = list(zip(targets.items(), sources, strict=True))
    padded = [
        layer
        for before, layer in zip(layers, layers[1:], strict=False)
        if isinstance(before, keras.layers.ZeroPadding2D)
    ]
    values = [
        _values(name, layer, source, scale if name == "stem_conv" else 1.0, source in padded)
        for (name, layer), source in pairs
    ]
    biases = [
        None if getattr(layer, "use_bias", False) else _bias(source) for (_, layer), source in pairs
    ]
    _absorb_biases(pairs, values, biases)
    before = [np.array(weight) for weight in estimator.weights]
    try:
        for ((_, layer), _), value in zip(pairs, values, strict=True):
            _assign(layer, value)
        # Layers without weights were not looked at, nor options of those with.
        return _check_agreement(estimator, network, layers, task)
    except Exception:
        for weight, value in zip(estimator.weights, before, strict=True):
            weight.assign(value)
        raise


def _check_agreement(estimator, network, layers, task):
    """Checks on random images that a standalone network and the full model answer alike.

    Returns the largest difference, as a share of the largest output.
    """
    shape = (_NUM_IMAGES, *estimator.tasks[task]["image_shape"])
    images = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)
    rescales = any(isinstance(layer, keras.layers.Rescaling) for layer in layers)
    theirs = network(images if rescales else images / 127.5 - 1, training=False)
    theirs = np.asarray(tf.cast(theirs, tf.float32))
    ours = np.asarray(tf.cast(estimator(images, task=task), tf.float32))
    if theirs.shape != ours.shape:
        raise ValueError(
            f"`network` must have outputs {ours.shape[1:]} for an image of '{task}'. "
            f"Received: {theirs.shape[1:]}"
        )
    error = _error(ours, theirs)
    dtypes = {layer.compute_dtype for layer in (estimator, *layers)}
    is_exact = dtypes.isdisjoint(("float16", "bfloat16"))
    if not error <= (_TOLERANCE if is_exact else _COARSE_TOLERANCE):  # Nor is nan.
        raise ValueError(
            "`network` must compute what the estimator's full model does with its weights; its "
            "activations, poolings, dilations or connections are others. Received: outputs that "
            f"differ by {error:.2g} of the largest"
        )
    return float(error)


def _error(ours, theirs):
    """Returns the largest difference as a share of the largest value."""
    is_softmax = np.all(theirs >= 0) and np.allclose(theirs.sum(axis=-1), 1, atol=1e-3)
    if is_softmax:  # Compared as logarithms, which tell sure probabilities apart.
        ours = tf.nn.log_softmax(ours).numpy()
        is_shown = theirs > _SMALLEST
        ours, theirs = ours[is_shown], np.log(theirs[is_shown])
    return np.abs(ours - theirs).max() / max(np.abs(theirs).max(), _SMALLEST)


def layers_within(model):
    """Returns the layers of a model in order, those of models within it too, a list."""
    found = []
    for layer in model.layers:
        found += layers_within(layer) if isinstance(layer, keras.Model) else [layer]
    return found


def _keras_kind(layer):
    if isinstance(layer, ElasticConv2D):
        return keras.layers.DepthwiseConv2D if layer.depthwise else keras.layers.Conv2D
    is_norm = isinstance(layer, TaskBatchNormalization)
    return keras.layers.BatchNormalization if is_norm else keras.layers.Dense


def _check_kinds(targets, sources):
    wanted = [_keras_kind(layer) for layer in targets.values()]
    if len(sources) != len(wanted):
        raise ValueError(
            f"`network` must have the {len(wanted)} layers with weights of the estimator's "
            f"backbone. Received: {len(sources)}"
        )
    for (name, kind), source in zip(zip(targets, wanted, strict=True), sources, strict=True):
        if not isinstance(source, kind):
            raise ValueError(
                f"`network` must have a {kind.__name__} for {name} of the estimator. "
                f"Received: '{source.name}', a {type(source).__name__}"
            )


def _pixel_scale(layers, stem):
    """Returns how many times as large the network's pixels are as those of a `StemKind`."""
    found = [layer for layer in layers if isinstance(layer, keras.layers.Rescaling)]
    pixels = [(float(layer.scale), float(layer.offset)) for layer in found] or [(1 / 127.5, -1.0)]
    ratio = pixels[0][0] / stem.scale
    if len(pixels) > 1 or abs(stem.offset * ratio - pixels[0][1]) > _PIXEL_TOLERANCE:
        # A shift cannot be taken into the kernel: the zeros around an image are not shifted.
        grey = -stem.offset / stem.scale
        raise ValueError(
            f"`network` must rescale pixels once, {grey:g} to 0, as Rescaling({stem.scale:.6g}, "
            f"{stem.offset:g}) does. Received: {pixels} (scale, offset)"
        )
    return ratio


def _values(name, layer, source, scale, is_padded):
    """Returns the values for the variables of an estimator's layer."""
    if isinstance(layer, ElasticConv2D):
        kernel = _padded(np.asarray(source.kernel) * scale, layer.kernel.shape)
        strides = tuple(source.strides)
        _check(name, source, "strides", strides, (layer.strides,) * 2)
        # After a padding of its own the outputs tell if it is as ours.
        if not is_padded and layer.kernel_size > 1:
            _check(name, source, "padding", source.padding, "same")
        _check(name, source, "kernel shape", kernel.shape, tuple(layer.kernel.shape))
        if layer.bias is None:
            return [kernel]
        bias = np.zeros(layer.filters) if source.bias is None else np.asarray(source.bias)
        return [kernel, bias]
    if isinstance(layer, TaskBatchNormalization):
        return _norm_values(name, layer, source)
    _check(name, source, "shape", tuple(source.kernel.shape), tuple(layer.kernel.shape))
    bias = np.zeros(layer.bias.shape) if source.bias is None else np.asarray(source.bias)
    return [np.asarray(source.kernel), bias]


def _norm_values(name, layer, source):
    mean, variance = np.asarray(source.moving_mean), np.asarray(source.moving_variance)
    _check(name, source, "channels", mean.shape, (layer.channels,))
    gamma = np.asarray(source.gamma) if source.scale else np.ones_like(mean)
    beta = np.asarray(source.beta) if source.center else np.zeros_like(mean)
    gamma = gamma * np.sqrt((variance + layer.epsilon) / (variance + source.epsilon))
    return [gamma, beta, mean, variance]


def _padded(kernel, shape):
    """Returns a square kernel of odd side in the middle of zeros, of the side of `shape`."""
    missing = shape[0] - kernel.shape[0]
    if missing <= 0 or missing % 2 or kernel.shape[0] != kernel.shape[1]:
        return kernel
    return np.pad(kernel, [(missing // 2,) * 2] * 2 + [(0, 0)] * 2)


def _bias(source):
    is_conv = isinstance(source, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D))
    if not is_conv or source.bias is None:
        return None
    bias = np.asarray(source.bias)
    return bias if bias.any() else None


def _absorb_biases(pairs, values, biases):
    """Takes each convolution's bias off the mean of the normalisation right behind it."""
    for index, bias in enumerate(biases):
        if bias is None:
            continue
        (name, _), source = pairs[index]
        block, _, _ = name.partition("_")
        (after, layer), _ = pairs[index + 1]
        is_norm = isinstance(layer, TaskBatchNormalization)
        if not is_norm or not after.startswith(f"{block}_"):
            raise ValueError(
                f"`network` must have no bias in {name}, which no normalisation follows. "
                f"Received: '{source.name}', with a bias"
            )
        mean = values[index + 1][2]
        values[index + 1][2] = mean - bias


def _check(name, source, what, received, expected):
    if received != expected:
        raise ValueError(
            f"`network` must have {what} {expected} in {name} of the estimator. "
            f"Received: {received} in '{source.name}'"
        )


def _assign(layer, values):
    if not isinstance(layer, TaskBatchNormalization):
        layer.set_weights(values)
        return
    gamma, beta, mean, variance = values
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    for task in layer.tasks:
        layer.fill_averages(task, mean, variance)
