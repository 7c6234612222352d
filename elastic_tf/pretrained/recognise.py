"""Which backbone a Keras network is, told by its layers, whatever their names."""

import math

import keras

from elastic_tf.layers.block_kinds import block_kind
from elastic_tf.layers.steps import Pool
from elastic_tf.layers.task_layers import HEAD_KINDS, STEM_KINDS
from elastic_tf.models.backbones import FAMILIES, MOBILES, RESNETS, parse_backbone
from elastic_tf.models.standalone import standalone_network
from elastic_tf.models.standalone_weights import layers_within

_LAYERS_OF_ENDS = 4  # Convolution and normalisation of the stem, normalisation and linear layer.


def recognise(network):
    """Returns the name of the backbone that a network is, as `parse_backbone` understands it.

    Layers with weights are compared in their order: what each does, and the shapes of its weights;
    only the first convolution may have a kernel of another size. What is between them is not
    looked at: `load_standalone_weights` compares the outputs.

    Args:
        network: a `keras.Model` for images of 1 or 3 channels.

    Raises:
        ValueError: if it is none of them; it names the first layer that does not fit that which
            fits best.
    """
    layers = [layer for layer in layers_within(network) if layer.weights]
    if not layers or not isinstance(layers[-1], keras.layers.Dense):
        last = f"'{layers[-1].name}', a {type(layers[-1]).__name__}" if layers else "none"
        raise ValueError(
            f"`network` must end with a Dense layer, as classifiers do. Received: {last}"
        )
    channels, classes = network.input_shape[-1], layers[-1].units
    best_fit, best = -1, None
    candidates = _candidates(layers)
    # Large networks take seconds to build; others than of as many layers are for the message alone.
    alike = [name for name in candidates if _count_layers(name) == len(layers)]
    for name in alike or candidates:
        expected = _standalone_layers(name, channels, classes)
        fit = _count_fitting(layers, expected)
        if fit == len(expected) == len(layers):
            return name
        if fit > best_fit:
            best_fit, best = fit, (name, expected)
    if best is None:
        raise ValueError(
            f"`network` must be one of {', '.join((*FAMILIES, *MOBILES, *RESNETS))}. "
            f"Received: {len(layers)} layers with weights"
        )
    name, expected = best
    wanted = _describe(expected[best_fit]) if best_fit < len(expected) else "no further layer"
    layer = layers[min(best_fit, len(layers) - 1)]
    received = _describe(layer) if best_fit < len(layers) else "no further layer"
    raise ValueError(
        f"`network` must have {wanted} where '{layer.name}' is, to be a {name}, which fits it "
        f"best. Received: {received}"
    )


def _candidates(layers):
    """Returns the names of backbones of as many layers, and the published ones, a list."""
    norms = [each for each in layers if isinstance(each, keras.layers.BatchNormalization)]
    found = [*MOBILES, *RESNETS]
    if not norms:
        return found
    channels = norms[-1].weights[0].shape[0]
    for family, (_, stages, convs) in FAMILIES.items():
        # Each convolution of a block has a normalisation.
        blocks, rest = divmod(len(layers) - _LAYERS_OF_ENDS, 2 * convs * stages)
        if rest or blocks < 1:
            continue
        unit = f"{family}-{2 + convs * stages * blocks}-1"
        width, rest = divmod(channels, parse_backbone(unit).stage_filters[-1])
        if not rest and width:
            found.append(f"{unit[:-1]}{width}")
    return found


def _count_layers(name):
    """Returns how many layers with weights a backbone has as a standalone network."""
    shape = parse_backbone(name)
    kinds = [block_kind(block.kind) for block in shape.blocks]
    steps = [*STEM_KINDS[shape.stem].steps, *HEAD_KINDS[shape.head]]
    steps += [step for kind in kinds for step in kind.steps]
    projections = sum(kind.projects for kind in kinds)
    return sum(not isinstance(step, Pool) for step in steps) + projections + 1


def _standalone_layers(name, channels, classes):
    widths = [block.hidden_filters for block in parse_backbone(name).blocks]
    network = standalone_network((32, 32, channels), classes, name, widths)
    return [layer for layer in network.layers if layer.weights]


def _count_fitting(layers, expected):
    """Returns how many layers are as expected before the first that is not."""
    pairs = enumerate(zip(layers, expected, strict=False))
    return next(
        (i for i, (ours, theirs) in pairs if _signature(ours, not i) != _signature(theirs, not i)),
        min(len(layers), len(expected)),
    )


def _signature(layer, is_first):
    shapes = tuple(tuple(weight.shape) for weight in layer.weights)
    if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
        shape = tuple(layer.kernel.shape)
        return type(layer).__name__, shape[2:] if is_first else (*shape, *layer.strides)
    if isinstance(layer, keras.layers.BatchNormalization):
        return type(layer).__name__, shapes[-1]  # With or without scale and offset.
    return type(layer).__name__, shapes[:1]


def _describe(layer):
    kind, numbers = _signature(layer, False)
    return f"{kind} of {math.prod(layer.weights[0].shape)} weights ({numbers})"
