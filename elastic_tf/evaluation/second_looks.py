"""Second looks of a trained network, set for budgets on held-out images."""

import numpy as np

from elastic_tf.evaluation.fixed_front import nearest, search_front
from elastic_tf.policies.second_look import (
    SecondLookCalibration,
    best_second_looks,
    confidence,
)
from elastic_tf.settings import of_task

# Fixed models of which pairs are made.
_MENU = 24
# Temperatures are found between one part of this and so much.
_LARGEST_TEMPERATURE = 20.0


def calibrate_second_looks(answers, search_evaluations=120, tasks=None):
    """Sets a network's `second_looks`, which are saved with it.

    Pairs are made of the fixed models that a search on validation images finds nearest to the
    front, see `search_front`.

    Args:
        answers: `AnswersBySplit` of the network.
        search_evaluations: int >= 0, or a dict of it by task: the models that the search tries; 0
            for no second looks. Defaults to 120.
        tasks: iterable of str. Defaults to all of the network's.

    Raises:
        ValueError: if a task has no validation images.

    Example:

    >>> calibrate_second_looks(AnswersBySplit(network, batches_of))
    >>> network.predict({"digits": images}, budget=0.4)
    """
    network = answers.network
    for task in tasks or network.tasks:
        evaluations = of_task(search_evaluations, task)
        if not evaluations:
            network.second_looks.pop(task, None)
            continue
        held_out = answers.on(task, "validation")
        tried = search_front(held_out, evaluations)
        network.second_looks[task] = find_second_looks(held_out, nearest(tried, _MENU))


def find_second_looks(held_out, models):
    """Finds the best pair, threshold and temperature for budgets a hundredth apart.

    An answer counts by the mean of whether it is right, which is noisy on few images, and its
    calibrated probability, which is not.

    Args:
        held_out: `Answers` on images held out of training.
        models: sequence of dicts with `levels` and `macs_share`, to make pairs of.

    Returns:
        `SecondLookCalibration`.
    """
    table = held_out.table
    levels, labels = [tuple(model["levels"]) for model in models], held_out.labels
    temperatures, confidences, worth = [], [], []
    for each in levels:
        logits = held_out.class_logits(each)
        temperatures.append(fit_temperature(logits, labels))
        confidences.append(confidence(logits, temperatures[-1]).numpy())
        worth.append((held_out.of_model(each)[0] + confidences[-1]) / 2)
    cheapest = min(model["macs_share"] for model in models)
    # The full model needs no second look, and none may come to more.
    budgets = np.arange(np.ceil(100 * min(cheapest, 1)), 101) / 100
    found = best_second_looks(
        levels, temperatures, confidences, worth, table, budgets * table.full_macs
    )
    return SecondLookCalibration(budgets, *found)


def fit_temperature(logits, labels):
    """Returns by what logits are to be divided for the least cross-entropy, a float.

    Args:
        logits: float array `(images, classes)`.
        labels: int array `(images,)`.

    Reference: Guo et al., 2017, "On calibration of modern neural networks" (arXiv 1706.04599).
    """
    logits = np.asarray(logits, np.float64)
    logits = logits - logits.max(axis=-1, keepdims=True)
    own = np.take_along_axis(logits, np.asarray(labels)[:, np.newaxis], axis=-1)[:, 0]
    low, high = 1 / _LARGEST_TEMPERATURE, _LARGEST_TEMPERATURE
    # By the inverse the cross-entropy is convex: its slope has one zero.
    for _ in range(40):
        inverse = np.sqrt(low * high)
        weights = np.exp(inverse * logits)
        expected = np.sum(weights * logits, axis=-1) / np.sum(weights, axis=-1)
        low, high = (low, inverse) if np.mean(expected - own) > 0 else (inverse, high)
    return float(1 / np.sqrt(low * high))
