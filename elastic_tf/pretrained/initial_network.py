"""The network that a training starts with: a new one, or one that starts from a trained network."""

import dataclasses
import pathlib

import keras
import tensorflow as tf

from elastic_tf.models.network_settings import NETWORK
from elastic_tf.pretrained.add_tasks import add_tasks
from elastic_tf.pretrained.elasticize import elasticize
from elastic_tf.pretrained.recognise import recognise
from elastic_tf.pretrained.sources import SOURCES, load_source
from elastic_tf.training.checkpoints import load_network
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork

MODEL_FILE = "model.keras"  # What a folder of a trained network of ours holds.


def initial_network(tasks, network, method, seed=0, verbose=0):
    """Makes the network that settings stand for, and says how to train it.

    Args:
        tasks: dict from task name to `{"image_shape": (height, width, channels),
            "num_classes": int}`. With a trained elastic network as `init_from`, its own and others.
        network: `NetworkSettings`.
        method: `MethodSettings`.
        seed: int >= 0, of new weights and of the models drawn. Defaults to 0.
        verbose: 0, or 1 to print what was found. Defaults to 0.

    Returns:
        A `DeepElasticNetwork`, not compiled, and the `MethodSettings`: those given, with
        `frozen_tasks` where tasks are added to a frozen trunk.

    Raises:
        FileNotFoundError, ImportError, ValueError: if what to start from cannot be used.
    """
    keras.utils.set_random_seed(seed)
    if network.init_from is None:
        return DeepElasticNetwork(tasks, **network.arguments(), seed=seed), method
    if is_elastic(network.init_from):
        return _grown(tasks, network, method)
    source = load_source(network.init_from)
    # As one that starts from nothing, of its backbone.
    arguments = dataclasses.replace(network, backbone=recognise(source), init_from=None).arguments()
    order = network.channel_order
    return elasticize(source, tasks, order=order, verbose=verbose, seed=seed, **arguments), method


def is_elastic(init_from):
    """Returns whether this is the folder of a trained elastic network, a bool."""
    return pathlib.Path(init_from, MODEL_FILE).exists()


def backbone_of(network):
    """Returns the name of the backbone that `initial_network` makes of `NetworkSettings`."""
    if network.init_from is None:
        return network.backbone
    if is_elastic(network.init_from):
        return load_network(pathlib.Path(network.init_from, MODEL_FILE)).backbone
    kind = network.init_from.partition("=")[0]
    return kind if kind in SOURCES else recognise(load_source(network.init_from))


def _grown(tasks, network, method):
    init_from = network.init_from
    old = load_network(pathlib.Path(init_from, MODEL_FILE))
    _check_left_out(network, old)
    missing = [name for name in old.tasks if name not in tasks]
    if missing:
        raise ValueError(
            f"`tasks` must have those of {init_from}, {', '.join(old.tasks)}. "
            f"Received: none called {', '.join(missing)}"
        )
    new = {name: task for name, task in tasks.items() if name not in old.tasks}
    # The default cannot be told from what is left out.
    selector_kind = old.selector_kind if network.selector == NETWORK else network.selector
    if method.freeze == "trunk":
        if not new:
            raise ValueError(
                f"`tasks` must have one beside those of {init_from} where `freeze` is 'trunk'; "
                f"nothing would train. Received: {', '.join(tasks)}"
            )
        if selector_kind != old.selector_kind:
            raise ValueError(
                "`selector` must be left out where `freeze` is 'trunk': the choices of "
                f"{init_from} would not stay. Received: selector={selector_kind}"
            )
        method = dataclasses.replace(method, frozen_tasks=tuple(old.tasks))
    return add_tasks(old, new, selector_kind), method


def _check_left_out(network, old):
    """Raises a `ValueError` for a setting that a trained network has otherwise."""
    own = old.get_config() | {"num_levels": old.num_levels, "precision": old.dtype_policy.name}
    for field in dataclasses.fields(network):
        value = getattr(network, field.name)
        if value in (None, field.default) or field.name in ("init_from", "selector"):
            continue
        if tf.nest.flatten(value) != tf.nest.flatten(own.get(field.name)):
            raise ValueError(
                f"`{field.name}` must be left out where `init_from` is a trained elastic network, "
                f"whose it is. Received: {field.name}={value}, init_from={network.init_from}"
            )
