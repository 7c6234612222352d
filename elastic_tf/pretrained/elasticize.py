"""A trained Keras network becomes an elastic one."""

import keras
import numpy as np

from elastic_tf.layers.steps import Norm
from elastic_tf.models.channel_order import ORDERS, sort_channels
from elastic_tf.models.estimator import Estimator
from elastic_tf.models.standalone_weights import layers_within, load_standalone_weights
from elastic_tf.models.tasks import validate_tasks
from elastic_tf.pretrained.recognise import recognise
from elastic_tf.pretrained.sources import load_source
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork

_SOURCE = "source"
_CHECKED_SIZE = 64  # Pixels, where a network takes images of any size.


def elasticize(
    network,
    tasks,
    ratios=None,
    order="l1",
    input_size=None,
    backbone=None,
    verbose=0,
    **settings,
):
    """Makes an elastic network whose full level is a trained Keras network.

    The trunk's weights and running averages become those of the full level, for all tasks. Each
    task starts with a copy of the network's stem, summed over colours where its images are grey;
    its head is new, a linear layer of zeros behind a copy of what comes before it, or the whole of
    it where the task has as many classes as the network.

    Args:
        network: a `keras.Model`, or what `load_source` knows: `"efficientnet-lite0"`,
            `"mobilenetv2"`, `"resnet50v2"`, a `.keras` file. It is recognised by its layers, see
            `recognise`: EfficientNet-Lite0, MobileNetV2, ResNet50V2, ResNet101V2, and what
            `standalone_network` makes.
        tasks: dict from task name to `{"image_shape": (height, width, channels),
            "num_classes": int}`.
        ratios: as of `Estimator`.
        order: `"l1"` sorts hidden channels, see `sort_channels`, so that narrower levels start with
            the most important; `"none"` leaves them as they are.
        input_size: int, pixels, to which the network resizes images first; a network trained on
            large images wants 64 or more. Defaults to `None`: they are taken as they are.
        backbone: str, what `recognise` returns for it, where that is known.
        verbose: 0, or 1 to print what was found. Defaults to 0.
        **settings: further arguments of `DeepElasticNetwork`.

    Returns:
        A `DeepElasticNetwork`.

    Raises:
        FileNotFoundError, ImportError: see `load_source`.
        ValueError: if an argument is not usable, or the network is none that is known; the message
            names the first layer that does not fit, or says that outputs on random images differ.

    Example:

    >>> tasks = {"photos": {"image_shape": (64, 64, 3), "num_classes": 10}}
    >>> network = elasticize("efficientnet-lite0", tasks)

    Reference: Cai et al., 2020 (arXiv 1908.09791); the method's section 2.
    """
    tasks = validate_tasks(tasks)
    if order not in ORDERS:
        raise ValueError(f"`order` must be one of {ORDERS}. Received: order={order}")
    if not isinstance(network, keras.Model):
        network = load_source(network)
    backbone = backbone or recognise(network)
    source, error = _full_level(network, backbone, ratios)
    if order == "l1":
        for block in source.blocks:
            sort_channels(block)
    elastic = DeepElasticNetwork(
        tasks, backbone=backbone, ratios=ratios, input_size=input_size, **settings
    )
    _start_from(elastic.estimator, source)
    if verbose:
        print(
            f"The network is {backbone}; the full level gives its outputs to {error:.1g} of "
            f"the largest on random images"
        )
    return elastic


def _full_level(network, backbone, ratios):
    """Returns an `Estimator` of one task whose full level is a network, and how well they agree."""
    height, width, channels = (side or _CHECKED_SIZE for side in network.input_shape[1:])
    shape = {"image_shape": (height, width, channels), "num_classes": network.output_shape[-1]}
    first = next(
        layer for layer in layers_within(network) if isinstance(layer, keras.layers.Conv2D)
    )
    source = Estimator(
        {_SOURCE: shape},
        backbone=backbone,
        ratios=ratios,
        trunk_size=max(1, round(max(height, width) / first.strides[0])),
        dtype="float32",
    )
    return source, load_standalone_weights(source, network, _SOURCE)


def _start_from(estimator, source):
    """Copies the weights of the only task of `source` to all tasks of another estimator."""
    for block, of_source in zip(estimator.blocks, source.blocks, strict=True):
        _copy(block.layers(), of_source.layers())
        if block.shortcut is not None:
            block.shortcut.set_weights(of_source.shortcut.get_weights())
    stem, head = source.stems[_SOURCE], source.heads[_SOURCE]
    for task in estimator.tasks:
        _copy(estimator.stems[task].layers(), stem.layers())
        own = estimator.heads[task]
        _copy(own.layers(), head.layers())
        if own.num_classes == head.num_classes:
            own.linear.set_weights(head.linear.get_weights())
        else:
            own.forget_classes()


def _copy(layers, sources):
    for (step, layer), (_, source) in zip(layers, sources, strict=True):
        if layer is None:  # Of a pooling.
            continue
        if isinstance(step, Norm):
            _copy_norm(layer, source)
            continue
        kernel = np.asarray(source.kernel)
        missing = kernel.shape[2] != layer.in_channels
        # A grey image is one whose colours are alike.
        layer.kernel.assign(kernel.sum(axis=2, keepdims=True) if missing else kernel)
        if layer.bias is not None:
            layer.bias.assign(source.bias)


def _copy_norm(layer, source):
    layer.gamma.assign(source.gamma)
    layer.beta.assign(source.beta)
    for task in layer.tasks:
        layer.fill_averages(task, *source.averages(_SOURCE))
