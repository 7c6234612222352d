"""A small network and its exports, each made once for all tests of a process."""

import atexit
import functools
import pathlib
import shutil
import tempfile

import tensorflow as tf

from elastic_tf.evaluation.budgets import calibrate
from elastic_tf.export.network_export import export_network
from elastic_tf.export.options import ExportOptions
from elastic_tf.models.elastic_network import ElasticNetwork
from tests.testing import TASKS, random_images, randomise

LEVELS = (1, 0, 2)
DESCRIPTIONS = {"grey": {"labels": ["cat", "dog", "elk"], "fit": "stretch"}}
OPTIONS = {
    "dynamic_saved_model": {},
    "dynamic_keras": {"format": "keras"},
    "dynamic_litert": {"format": "litert", "task": "grey", "budget": 0.5},
    "dynamic_onnx": {"format": "onnx", "task": "grey", "input_dtype": "float32"},
    "fixed_saved_model": {"task": "grey", "levels": LEVELS},
    "fixed_keras": {"format": "keras", "task": "grey", "levels": LEVELS},
    "fixed_litert": {"format": "litert", "task": "grey", "levels": LEVELS},
    "fixed_onnx": {"format": "onnx", "task": "grey", "levels": LEVELS},
}
# Those of them that take images of any size, too, under a name of their own.
ANY_SIZE = {
    f"{name}_any_size": OPTIONS[name] | {"any_image_size": True}
    for name in ("dynamic_saved_model", "dynamic_onnx", "fixed_saved_model", "fixed_onnx")
}


@functools.cache
def small_network(backbone="wrn-8-1"):
    """Returns a network with random weights, whose answers are not all sure.

    The task "grey" is calibrated, the task "colour" is not.
    """
    network = ElasticNetwork(TASKS, backbone=backbone, trunk_size=4, input_size=10)
    randomise(network)
    for head in network.estimator.heads.values():  # Logits of a few units, as trained ones.
        head.linear.kernel.assign(head.linear.kernel * 0.01)
    logits = network.selector(random_images("grey", 200), task="grey")
    network.calibrations["grey"] = calibrate(logits, network.cost_table("grey"))
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
    else:
        levels = network.select_levels(images, task, options.get("budget"))
    logits = network.estimator(images, levels=levels, task=task)
    return levels.numpy(), tf.nn.softmax(logits).numpy()
