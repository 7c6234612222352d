"""What the analysis knows of one task: its images, each with its model and its answer."""

import dataclasses

import numpy as np

from elastic_tf.evaluation.chosen_models import ChosenModels, chosen_models
from elastic_tf.evaluation.routed_images import RoutedImages, route_images


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
