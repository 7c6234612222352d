"""What was measured, by hand, and images whose model is planted: it follows from their class."""

import csv
import functools

import numpy as np
import tensorflow as tf

from elastic_tf.evaluation.chosen_models import RoutedImages
from elastic_tf.policies.second_look import SecondLook
from elastic_tf.report.analysis import Analysis
from elastic_tf.report.task_routing import SeenTwice, TaskRouting
from elastic_tf.training.stages import StageSchedule

NUM_CLASSES, NUM_LEVELS = 4, 3
# The models of classes 0 to 3; two classes share one.
MODELS = np.array([[2, 0], [1, 1], [1, 1], [0, 2]])
MACS = np.array([0.5, 0.4, 0.4, 0.6])
RATIOS = np.array([[0.0, 0.5, 1.0]] * 2)
LOOK = SecondLook((1, 1), (2, 1), 0.625)
STAGES = StageSchedule(4, rounds=2, selector_steps=2, estimator_steps=3)

RESULTS = {
    "num_images": 200,
    "accuracy": {
        "selector": 0.875,
        "full": 0.88,
        "level_0": 0.1,
        "level_1": 0.88,
        "random": 0.5,
        "random_at_cost": 0.6,
        "front": 0.865,
        "shuffled": 0.86,
    },
    "density": 0.4321,
    "macs_share": 0.456,
    "fixed_macs_share": {"level_0": 0.02, "level_1": 1.0},
    "random_macs_share": 0.51,
    "full_macs": 2_000_000,
    "selector_macs": 100_000,
    "policy": {
        "distinct_models": 7,
        "entropy": 1.234,
        "top_share": 0.98,
        "top_models": [{"levels": [0, 1, 1], "share": 0.6}, {"levels": [1, 1, 1], "share": 0.4}],
        "level_shares": [[0.5, 0.5]] * 3,
        "macs": {"mean": 0.456, "p50": 0.44, "p95": 0.875},
    },
    "front": {
        "evaluations": 60,
        "corners": [
            {"levels": [0, 0, 0], "macs_share": 0.02, "validation_accuracy": 0.1},
            {"levels": [1, 0, 0], "macs_share": 0.3, "validation_accuracy": 0.8, "accuracy": 0.81},
            {"levels": [1, 1, 1], "macs_share": 1.0, "validation_accuracy": 0.9, "accuracy": 0.88},
        ],
    },
    "gain_over_shuffled": {"points": 1.5, "low": 0.51, "high": 2.49},
    "gain_over_front": {"points": 0.5, "low": -0.7, "high": 1.68},
    "gain_over_test_hull": {"points": 0.25, "low": -0.9, "high": 1.4},
    "budget_gains": [
        {"budget": 0.3, "macs_share": 0.31, "accuracy": 0.85}
        | {"gain_over_front": {"points": -0.5, "low": -1.0, "high": 0.0}},
    ],
    "second_look": [
        {"budget": 0.4, "macs_share": 0.41, "accuracy": 0.86}
        | {"gain_over_front": {"points": 0.7, "low": 0.2, "high": 1.2}},
    ],
    "second_look_gain_mean": {"points": 0.7, "low": 0.2, "high": 1.2},
    "gain_over_front_mean": {"points": 0.75, "low": -0.5, "high": 1.9},
}


def point(macs_share, accuracy, **others):
    """Returns a point of a curve."""
    return {"macs_share": macs_share, "accuracy": accuracy} | others


CURVES = {
    "cats": {
        "num_images": 600,
        "budgets": [
            point(0.1, 0.7, budget=0.05, price=90.0, is_reachable=False),
            point(0.39, 0.85, budget=0.4, price=12.5, is_reachable=True),
            point(0.805, 0.95, budget=0.8, price=-3.0, is_reachable=True),
        ],
        "selector": point(0.45, 0.9),
        "levels": [point(0.02, 0.1), point(0.3, 0.875), point(1.0, 0.965)],
    },
    "dogs": {
        "num_images": 20,
        "budgets": [point(0.2, 0.5, budget=0.1, price=9.0, is_reachable=False)],
        "selector": point(0.5, 0.75),
        "levels": [point(0.01, 0.1), point(0.25, 0.6), point(1.0, 0.8)],
    },
}
# What was timed: run, kind, accuracy, and milliseconds per image in batches of 1 and 64.
TIMED = [
    {"run": run, "kind": kind, "runtime": "onnx", "accuracy": accuracy}
    | {"ms_per_image": {"1": single, "64": in_batch}}
    for run, kind, accuracy, single, in_batch in (
        ("", "fixed", 0.8, 1.0, 0.1),
        ("", "fixed", 0.875, 2.0, 0.2),
        ("", "fixed", 0.75, 1.5, 0.15),
        ("", "second_look", 0.85, 1.25, 0.125),
        ("narrow", "fixed", 0.7, 0.5, 0.25),
    )
]
FOUND = {
    "birds": {
        "num_models": 4096,
        "tried": [
            {"levels": [2, 0], "macs_share": 0.5, "validation_accuracy": 0.75},
            {"levels": [0, 1], "macs_share": 0.25, "validation_accuracy": 0.5},
            {"levels": [1, 1], "macs_share": 0.5, "validation_accuracy": 0.625},
        ],
        "best": [
            {
                "budget": 0.5,
                "levels": [2, 0],
                "macs_share": 0.5,
                "validation_accuracy": 0.75,
                "test_accuracy": 0.625,
            }
        ],
        "selector": {"macs_share": 0.375, "validation_accuracy": 0.8, "test_accuracy": 0.7},
    }
}


def planted_routing(task="planted", per_class=(5, 8, 4, 3), channels=3, size=(6, 5)):
    """Returns a `TaskRouting`: image number i is filled with i; even images are answered rightly.

    The full model is wrong about image 1 alone, by two classes. Every third image is seen twice,
    and every fourth answered wrongly by a second look.

    Args:
        task: str.
        per_class: tuple of int, images of each class.
        channels: 1 or 3.
        size: height and width.
    """
    labels = np.concatenate([np.full(count, label) for label, count in enumerate(per_class)])
    labels = np.random.default_rng(0).permutation(labels)
    numbers = np.arange(len(labels))
    images = np.broadcast_to(
        numbers.astype(np.uint8)[:, None, None, None], (len(labels), *size, channels)
    )
    levels = MODELS[labels]
    routed = RoutedImages(
        labels=labels,
        classes=np.where(numbers % 2, (labels + 1) % NUM_CLASSES, labels),
        full_classes=np.where(numbers == 1, (labels + 2) % NUM_CLASSES, labels),
        confidence=0.5 + numbers / 100,
        levels=levels,
        level_probabilities=np.eye(NUM_LEVELS)[levels] * 0.7 + 0.1,
        macs_share=MACS[labels],
    )
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(7)
    names = [f"class {label}" for label in range(NUM_CLASSES)]
    seen = SeenTwice(LOOK, numbers % 3 == 0, numbers % 4 > 0, (0.25, 0.75))
    return TaskRouting(task, names, routed, batches, seen)


def planted_analysis(*routings, top=3):
    """Returns the `Analysis` of some `TaskRouting`s, with everything that a figure is made of."""
    tasks = [routing.task for routing in routings]
    names = ("full_accuracy", "accuracy", "macs_share")
    return Analysis(
        backbone="wrn-8-1",
        num_weights=1234,
        split="test",
        budget=None,
        routings=list(routings),
        results=dict.fromkeys(tasks, RESULTS),
        budget_curves=dict.fromkeys(tasks, CURVES["cats"]),
        curves={f"{task}_{name}": [(2, 0.1), (8, 0.3)] for task in tasks for name in names},
        stages=STAGES,
        ratios=RATIOS,
        top=top,
        comparisons=dict.fromkeys(tasks, TIMED),
    )


@functools.cache
def two_tasks():
    """Returns the `Analysis` of two tasks that share models."""
    return planted_analysis(
        planted_routing("cats"), planted_routing("dogs", per_class=(0, 6, 1, 9), channels=1)
    )


def row_of(text, start):
    """Returns the words of the one line that starts so, without them."""
    (line,) = [line for line in text.splitlines() if line.strip().startswith(start)]
    return line.strip().removeprefix(start).split()


def csv_rows(path):
    """Returns the lines of a CSV file, a list of dicts."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
