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
        tasks: list of str, all tasks among whose most used models this is.
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
            _group(routing, row, [task for task, models in leading.items() if levels in models])
            for row, levels in enumerate(leading[routing.task])
        ]
        for routing in routings
    }


def example_images(routing, group, count):
    """Returns indices of images of a group, at most so many, evenly over its classes.

    The classes that are most frequent in the group come first, and of each the images that the
    answer is surest of.

    Args:
        routing: `TaskRouting`.
        group: `ModelGroup` of it.
        count: int >= 1.
    """
    labels, confidence = routing.routed.labels[group.images], routing.routed.confidence
    queues = []
    for label in np.argsort(-np.bincount(labels), kind="stable"):
        of_class = group.images[labels == label]
        queues.append(list(of_class[np.argsort(-confidence[of_class], kind="stable")]))
    found = []
    while len(found) < count and any(queues):
        found += [queue.pop(0) for queue in queues if queue]
    return [int(index) for index in found[:count]]


def _group(routing, row, tasks):
    routed, images = routing.routed, routing.chosen.images_on(row)
    return ModelGroup(
        levels=tuple(map(int, routing.chosen.models[row])),
        images=images,
        share=float(routing.chosen.shares[row]),
        macs_share=float(routed.macs_share[images[0]]),
        accuracy=float(np.mean(routed.classes[images] == routed.labels[images])),
        classes=class_shares(routed.labels, images, len(routing.class_names)),
        tasks=tasks,
    )
