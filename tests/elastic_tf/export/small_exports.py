"""A small network and its exports, each made once for all tests of a process."""

import atexit
import functools
import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf

from elastic_tf.evaluation.budgets import calibrate
from elastic_tf.export.network_export import export_network
from elastic_tf.export.options import ExportOptions
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.policies.second_look import SecondLook, SecondLookCalibration
from tests.testing import TASKS, random_images, randomise

LEVELS = (1, 0, 2)
DESCRIPTIONS = {"grey": {"labels": ["cat", "dog", "elk"], "fit": "stretch"}}
OPTIONS = {
    "dynamic_saved_model": {},
    "dynamic_keras": {"format": "keras"},
    "dynamic_litert": {"format": "litert", "task": "grey", "budget": 0.5, "policy": "selector"},
    "dynamic_onnx": {"format": "onnx", "task": "grey", "input_dtype": "float32"},
    "look_saved_model": {"task": "grey", "budget": 0.5},
    "look_litert": {"format": "litert", "task": "grey", "budget": 0.5},
    "look_onnx": {"format": "onnx", "task": "grey", "budget": 0.5},
    "fixed_saved_model": {"task": "grey", "levels": LEVELS},
    "fixed_keras": {"format": "keras", "task": "grey", "levels": LEVELS},
    "fixed_litert": {"format": "litert", "task": "grey", "levels": LEVELS},
    "fixed_onnx": {"format": "onnx", "task": "grey", "levels": LEVELS},
}
# At a budget of 0.5 about half of the noise is looked at again, from the second block on.
LOOK = SecondLook((1, 0, 1), (1, 2, 2), 0.7, 1.5)
# Those of them that take images of any size, too, under a name of their own.
ANY_SIZE = {
    f"{name}_any_size": OPTIONS[name] | {"any_image_size": True}
    for name in OPTIONS
    if name.endswith(("saved_model", "onnx")) and name != "look_saved_model"
}


@functools.cache
def small_network(backbone="wrn-8-1"):
    """Returns a network with random weights, whose answers are not all sure.

    The task "grey" is calibrated for budgets, the task "colour" is not.
    """
    ratios = None if backbone.startswith("mobile") else (0.0, 0.5, 1.0)  # Few are faster to trace.
    network = ElasticNetwork(TASKS, backbone=backbone, trunk_size=4, input_size=10, ratios=ratios)
    randomise(network)
    for head in network.estimator.heads.values():  # Logits of a few units, as trained ones.
        head.linear.kernel.assign(head.linear.kernel * 0.01)
    logits = network.selector(random_images("grey", 200), task="grey")
    network.calibrations["grey"] = calibrate(logits, network.cost_table("grey"))
    if network.num_blocks == len(LOOK.first):
        network.second_looks["grey"] = SecondLookCalibration([0.4, 0.6], [LOOK] * 2, [0.5] * 2)
    return network


@functools.cache
def _folder():
    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def exported(name):
    """Returns the folder of one of `OPTIONS` or `ANY_SIZE`."""
    folder = _folder() / name
    options = ExportOptions(**(OPTIONS | ANY_SIZE)[name])
    export_network(small_network(), folder, options, descriptions=DESCRIPTIONS)
    return folder


def expected_answer(images, options, task="grey"):
    """Returns levels and probabilities that the network itself gives at the options' choice."""
    network = small_network()
    if options.get("levels"):
        levels = tf.tile([options["levels"]], (len(images), 1))
    elif ExportOptions(**options).second_look:
        first = tf.tile([LOOK.first], (len(images), 1))
        logits = network.estimator(images, levels=first, task=task).numpy()
        exponentials = np.exp(logits / LOOK.temperature)
        confidence = exponentials.max(-1) / exponentials.sum(-1)
        is_unsure = confidence[:, np.newaxis] < LOOK.threshold
        levels = tf.constant(np.where(is_unsure, LOOK.second, LOOK.first), tf.int32)
    else:
        levels = network.select_levels(images, task, options.get("budget"))
    logits = network.estimator(images, levels=levels, task=task)
    return levels.numpy(), tf.nn.softmax(logits).numpy()


def expected_macs(levels, name):
    """Returns the MACs of images whose answers are of these levels, summed in NumPy."""
    table = small_network().cost_table("grey")
    of_levels = table.block_macs[np.arange(table.num_blocks), levels].sum(-1) + table.fixed_macs
    if name.startswith("dynamic"):
        return of_levels + table.selector_macs
    if name.startswith("fixed"):
        return of_levels
    first = table.block_macs[np.arange(3), LOOK.first].sum() + table.fixed_macs
    again = table.block_macs[[1, 2], LOOK.second[1:]].sum() + table.head_macs
    return first + again * (levels == np.array(LOOK.second)).all(-1)


def described_task(macs, levels=(1, 0)):
    """Returns what a manifest says of a task whose export is of one model, a dict for JSON."""
    image = {"height": 1, "width": 1, "channels": 1, "fit": "crop"}
    values = {"labels": ["cat", "dog"], "image": image, "full_macs": 100}
    return values | {"levels": list(levels), "macs": macs}
