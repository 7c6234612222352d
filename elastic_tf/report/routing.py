"""What the report knows of each task: its images, the models they are on, and who shares them."""

import dataclasses

import numpy as np

from elastic_tf.evaluation.chosen_models import (
    ChosenModels,
    RoutedImages,
    chosen_models,
    class_shares,
    route_images,
)


def model_name(levels):
    """Returns e.g. `2-0-3`.

    Args:
        levels: sequence of int, one per block.
    """
    return "-".join(str(int(level)) for level in levels)


@dataclasses.dataclass(frozen=True)
class TaskRouting:
    """One task's images on the models chosen for them.

    Attributes:
        task: str.
        class_names: list of str.
        routed: `RoutedImages`.
        chosen: `ChosenModels` of them.
        batches: iterable of `(images, labels)`, the images in the same order at every pass.
    """

    task: str
    class_names: list
    routed: RoutedImages
    chosen: ChosenModels
    batches: object

    def __len__(self):
        return len(self.routed.labels)

    def pictures(self, indices):
        """Returns some images, a list of uint8 arrays `(height, width, channels)`.

        Args:
            indices: sequence of int, in any order.
        """
        wanted, found, start = set(map(int, indices)), {}, 0
        for images, _ in self.batches:
            images = np.asarray(images)
            stop = start + len(images)
            found |= {i: images[i - start] for i in wanted if start <= i < stop}
            start = stop
        return [found[int(i)] for i in indices]


def route_task(network, batches, task, class_names, price=0.0):
    """Returns the `TaskRouting` of a task; see `route_images` for the arguments."""
    routed = route_images(network, batches, task, price)
    return TaskRouting(task, list(class_names), routed, chosen_models(routed.levels), batches)


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


@dataclasses.dataclass(frozen=True)
class SharedModel:
    """A model that images of two tasks or more are on.

    Attributes:
        levels: tuple of int, one per block.
        shares: dict from each of these tasks to the share of its images that is, in (0, 1].
    """

    levels: tuple
    shares: dict


def shared_models(routings):
    """Returns the models that are shared, the most shared first.

    How much a model is shared is its share in the task that uses it second most: what it takes for
    two to use it.

    Args:
        routings: list of `TaskRouting`.

    Returns:
        List of `SharedModel`.
    """
    shares = {}
    for routing in routings:
        chosen = routing.chosen
        for levels, share in zip(chosen.models, chosen.shares, strict=True):
            shares.setdefault(tuple(map(int, levels)), {})[routing.task] = float(share)
    shared = [SharedModel(levels, of) for levels, of in shares.items() if len(of) > 1]
    return sorted(shared, key=lambda model: sorted(model.shares.values())[-2], reverse=True)


def shared_groups(routings, top):
    """Returns the models that are shared most, with their images.

    Args:
        routings: list of `TaskRouting`.
        top: int >= 1, models at most.

    Returns:
        List of dicts, one for each model, the most shared first: from each task that uses it to
        the `ModelGroup` of its images there.
    """
    by_task = {routing.task: routing for routing in routings}
    return [
        {
            task: model_group(by_task[task], model.levels, list(model.shares))
            for task in model.shares
        }
        for model in shared_models(routings)[:top]
    ]
