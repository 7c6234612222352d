"""Which models a set of images was given: their histogram, and who is on each."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class ChosenModels:
    """The distinct models among the choices for a set of images, most used first.

    Models used alike often are in the order of their levels.

    Attributes:
        models: int array `(models, blocks)`.
        counts: int array `(models,)`, images on each; it adds up to the number of images.
        model_of_image: int array `(images,)`, the row of each image's model.
    """

    models: np.ndarray
    counts: np.ndarray
    model_of_image: np.ndarray

    @property
    def shares(self):
        """float array `(models,)`, adds up to 1."""
        return self.counts / self.counts.sum()

    def images_on(self, row):
        """Returns the indices of the images on a model, in order, int array."""
        return np.flatnonzero(self.model_of_image == row)


def chosen_models(levels):
    """Counts the models in a set of choices.

    Args:
        levels: int array `(images, blocks)`, at least one image.

    Returns:
        `ChosenModels`.

    Raises:
        ValueError: if there is no image, or the array has another rank.

    Reference: Ahn et al., 2019, supplement, figure 3 (a).
    """
    levels = np.asarray(levels)
    if levels.ndim != 2 or not len(levels):
        raise ValueError(
            f"`levels` must be (images, blocks), with an image. Received: shape={levels.shape}"
        )
    models, rows, counts = np.unique(levels, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return ChosenModels(models[order], counts[order], place[rows.reshape(-1)])
