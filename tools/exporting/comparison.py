"""Exports beside each other: size, accuracy, and time compared with that of the Python model."""

import pathlib

import numpy as np
import tensorflow as tf
from elastic_tf_tools.benchmarking.rows import paired_ratio

from elastic_tf.export.dynamic_module import served_answers
from elastic_tf.inference.frozen_network import FrozenNetwork

# The fast inference path under Python, in whose time others are given.
REFERENCE = "python"


def python_model(network, task):
    """Returns a function from images to a dict of arrays: the fast path, without any export."""
    frozen, table = FrozenNetwork(network, task), network.cost_table(task)
    answers = tf.function(lambda images: served_answers(frozen(images), table))
    return lambda images: {
        name: value.numpy() for name, value in answers(tf.constant(images)).items()
    }


def size_in_bytes(folder):
    """Returns the size of a model's files, int; what describes it does not count.

    Args:
        folder: path of an export.
    """
    files = (file for file in pathlib.Path(folder).rglob("*") if file.is_file())
    return sum(file.stat().st_size for file in files if file.name != "export.json")


def quality(predict, batches, full_macs):
    """Returns accuracy and mean MACs on a split.

    Args:
        predict: function from images to answers, see `LoadedExport.predict`.
        batches: iterable of images and labels, arrays.
        full_macs: int, of the full model.

    Returns:
        Dict of floats in [0, 1]: `accuracy`, and `macs_share` of the full model's.
    """
    correct, macs = [], []
    for images, labels in batches:
        answers = predict(images)
        correct.append(answers["classes"] == labels)
        macs.append(answers["macs"] / full_macs)
    return {
        "accuracy": float(np.mean(np.concatenate(correct))),
        "macs_share": float(np.mean(np.concatenate(macs))),
    }


def time_ratios(predictors, images, timer):
    """Returns the time of each predictor as a multiple of the reference's, measured side by side.

    Args:
        predictors: dict from name to a function from images to answers on the host; one of them
            is `REFERENCE`.
        images: array, of the type that all of them take.
        timer: an `InterleavedTimer`.

    Returns:
        Dict from name to float, and the reference's median, in seconds.
    """
    runs = {name: _bound(predict, images) for name, predict in predictors.items()}
    seconds = timer.measure(runs)
    reference = seconds[REFERENCE]
    ratios = {name: paired_ratio(each, reference) for name, each in seconds.items()}
    return ratios, float(np.median(reference))


def _bound(predict, images):
    return lambda: predict(images)
