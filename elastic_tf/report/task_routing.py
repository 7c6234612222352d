"""The images of one task: on which models they are, and which of them are looked at twice."""

import dataclasses
import functools

import numpy as np

from elastic_tf.evaluation.chosen_models import RoutedImages, chosen_models, class_shares
from elastic_tf.evaluation.class_figures import class_figures, confusion_matrix
from elastic_tf.policies.second_look import SecondLook


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


@dataclasses.dataclass(frozen=True)
class SeenTwice:
    """What a second look does on the images of a task.

    Attributes:
        look: the `SecondLook`.
        seen_twice, right: bool arrays `(images,)`, which images are looked at again, and which are
            classified rightly in the end.
        macs_shares: two floats, the MACs of an image seen once and of one seen twice, as shares of
            the full model's.
    """

    look: SecondLook
    seen_twice: np.ndarray
    right: np.ndarray
    macs_shares: tuple


@dataclasses.dataclass(frozen=True)
class TaskRouting:
    """One task's images on the models chosen for them.

    Attributes:
        task: str.
        class_names: list of str.
        routed: `RoutedImages`.
        batches: iterable of `(images, labels)`, the images in the same order at every pass.
        seen: `SeenTwice`, by a second look of as many MACs; `None` where the network has none.
    """

    task: str
    class_names: list
    routed: RoutedImages
    batches: object
    seen: SeenTwice | None = None

    @functools.cached_property
    def chosen(self):
        """`ChosenModels` of the images."""
        return chosen_models(self.routed.levels)

    @property
    def answers(self):
        """Dict from `selector` and `full` to their answers, int arrays `(images,)`."""
        return {"selector": self.routed.classes, "full": self.routed.full_classes}

    @functools.cached_property
    def class_figures(self):
        """What `class_figures` returns of the choice and the full model."""
        labels = self.routed.labels
        right = {name: answers == labels for name, answers in self.answers.items()}
        return class_figures(labels, right, self.routed.macs_share, len(self.class_names))

    @functools.cached_property
    def confusions(self):
        """Dict from `selector` and `full` to what `confusion_matrix` returns."""
        labels, size = self.routed.labels, len(self.class_names)
        return {
            name: confusion_matrix(labels, answers, size) for name, answers in self.answers.items()
        }

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
        right = routed.classes == routed.labels
        return self._group(levels, images, float(routed.macs_share[images[0]]), right, tasks)

    @property
    def seen_groups(self):
        """Dict from "seen once" and "seen twice" to the `ModelGroup` of these images.

        Levels are those of the model that answers. What no image is in is left out.
        """
        if self.seen is None:
            return {}
        look, twice = self.seen.look, self.seen.seen_twice
        groups = zip(
            ("seen once", "seen twice"),
            (look.first, look.second),
            (np.flatnonzero(~twice), np.flatnonzero(twice)),
            self.seen.macs_shares,
            strict=True,
        )
        return {
            name: self._group(levels, images, macs_share, self.seen.right, [self.task])
            for name, levels, images, macs_share in groups
            if len(images)
        }

    def _group(self, levels, images, macs_share, right, tasks):
        labels = self.routed.labels
        return ModelGroup(
            levels=levels,
            images=images,
            share=len(images) / len(labels),
            macs_share=macs_share,
            accuracy=float(np.mean(right[images])),
            classes=class_shares(labels, images, len(self.class_names)),
            tasks=tasks,
        )
