"""The most used models of a task, each with the images that are on it."""

import dataclasses

import numpy as np

from elastic_tf.evaluation.class_shares import class_shares


@dataclasses.dataclass(frozen=True)
class ModelGroup:
    """The images of one task on one model.

    Attributes:
        levels: tuple of int, the model.
        images: int array, their indices.
        share: float in (0, 1], of the task's images.
        macs_share: float > 0, of one such image; of the full model's, selector included.
        accuracy: float in [0, 1], on these images.
        classes: list of dict, see `class_shares`.
        tasks: list of str, all tasks that use it much (or, of a shared model, at all).
    """

    levels: tuple
    images: np.ndarray
    share: float
    macs_share: float
    accuracy: float
    classes: list
    tasks: list

    def typical_classes(self, count=3):
        """Returns the classes that are there most above chance, a list of `classes`' dicts."""
        above = [each for each in self.classes if each["z"] > 0]
        return sorted(above, key=lambda each: -each["z"])[:count]


def model_groups(routings, top):
    """Returns the most used models of every task.

    Args:
        routings: list of `TaskRouting`.
        top: int >= 1. Models of each task.

    Returns:
        Dict from task to its list of `ModelGroup`, most used first.
    """
    leading = {
        routing.task: [tuple(map(int, levels)) for levels in routing.chosen.models[:top]]
        for routing in routings
    }
    return {
        routing.task: [
            model_group(routing, levels, [task for task, of in leading.items() if levels in of])
            for levels in leading[routing.task]
        ]
        for routing in routings
    }


def model_group(routing, levels, tasks):
    """Returns the `ModelGroup` of one model.

    Args:
        routing: `TaskRouting`, with an image on the model.
        levels: tuple of int, the model.
        tasks: list of str, see `ModelGroup`.
    """
    routed, images = routing.routed, np.flatnonzero((routing.routed.levels == levels).all(axis=1))
    return ModelGroup(
        levels=levels,
        images=images,
        share=len(images) / len(routing),
        macs_share=float(routed.macs_share[images[0]]),
        accuracy=float(np.mean(routed.classes[images] == routed.labels[images])),
        classes=class_shares(routed.labels, images, len(routing.class_names)),
        tasks=tasks,
    )
