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

    def group(self, levels, tasks):
        """Returns the `ModelGroup` of the images on a model; there must be one.

        Args:
            levels: tuple of int, the model.
            tasks: list of str, see `ModelGroup`.
        """
        routed, images = self.routed, np.flatnonzero((self.routed.levels == levels).all(axis=1))
        return ModelGroup(
            levels=levels,
            images=images,
            share=len(images) / len(self),
            macs_share=float(routed.macs_share[images[0]]),
            accuracy=float(np.mean(routed.classes[images] == routed.labels[images])),
            classes=class_shares(routed.labels, images, len(self.class_names)),
            tasks=tasks,
        )


def route_task(answers, batches, class_names=None, budget=None):
    """Returns the `TaskRouting` of a task.

    Args:
        answers: `Answers` of the network on the images.
        batches: iterable of `(images, labels)`, the same images at every pass.
        class_names: list of str; the classes' numbers where left out.
        budget: float in (0, 1] that the choice is held to; `None` for the selector's own choice.

    Raises:
        ValueError: if names are not one for each class, or for the budget there is no calibration.
    """
    num_classes = answers.network.tasks[answers.task]["num_classes"]
    names = list(class_names or map(str, range(num_classes)))
    if len(names) != num_classes:
        raise ValueError(
            f"`class_names` must be {num_classes} names for task '{answers.task}'. "
            f"Received: {len(names)}"
        )
    routed = route_images(answers, budget)
    return TaskRouting(answers.task, names, routed, chosen_models(routed.levels), batches)
