"""Trained networks that an elastic one can start from, by name."""

import pathlib

import keras

from elastic_tf.models.backbones import parse_backbone
from elastic_tf.models.standalone import standalone_network
from elastic_tf.pretrained.lite0_weights import lite0_weights

_LITE0 = "efficientnet-lite0"
_APPLICATIONS = {
    "mobilenetv2": "MobileNetV2",
    "resnet50v2": "ResNet50V2",
    "resnet101v2": "ResNet101V2",
}
SOURCES = (_LITE0, *_APPLICATIONS)
_IMAGENET_SHAPE, _IMAGENET_CLASSES = (224, 224, 3), 1000


def load_source(name):
    """Returns the Keras network that a name stands for.

    | name | network | weights |
    | --- | --- | --- |
    | `efficientnet-lite0` | EfficientNet-Lite0, 75.1 % on ImageNet | `elastic-tf[pretrained]` |
    | `mobilenetv2` | `keras.applications.MobileNetV2` | Keras' own, from its cache or the net |
    | `resnet50v2`, `resnet101v2` | those of `keras.applications` | the same |
    | `mobilenetv2=none`, also of the others | the same | new ones |
    | `mobilenetv2=FILE.h5`, but of Lite0 | the same | those of a file |
    | `FILE.keras` | what is in it | |

    Args:
        name: str or path.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if a package with weights is not installed.
        ValueError: if the name is none of these, or the file cannot be read.
    """
    name = str(name)
    kind, _, weights = name.partition("=")
    if kind == _LITE0 and weights in ("", "none"):
        return _lite0(is_trained=not weights)
    if kind in _APPLICATIONS:
        make = getattr(keras.applications, _APPLICATIONS[kind])
        if weights in ("", "none"):
            return make(weights=None if weights else "imagenet")
        return _read(make, weights, weights=weights)
    if not name.endswith(".keras"):
        raise ValueError(
            f"The network to start from must be one of {', '.join(SOURCES)}, or a .keras file. "
            f"Received: {name}"
        )
    return _read(keras.saving.load_model, name, name)


def _read(reader, path, *args, **kwargs):
    """Returns what a reader makes of a file."""
    if not pathlib.Path(path).exists():
        raise FileNotFoundError(f"The network to start from must exist. Received: {path}")
    try:
        return reader(*args, **kwargs)
    except Exception as error:  # Keras raises whatever the zip, JSON or HDF5 reader did.
        fault = (str(error).splitlines() or [type(error).__name__])[0]
    raise ValueError(f"The network to start from must be a whole file. Received: {path} ({fault})")


def _lite0(is_trained):
    widths = [block.hidden_filters for block in parse_backbone(_LITE0).blocks]
    network = standalone_network(_IMAGENET_SHAPE, _IMAGENET_CLASSES, _LITE0, widths)
    if is_trained:
        layers = [layer for layer in network.layers if layer.weights]
        for layer, values in zip(layers, lite0_weights(), strict=True):
            layer.set_weights(values)
    return network
