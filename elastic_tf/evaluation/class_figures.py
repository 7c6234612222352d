"""How well the classes of a task are told apart, by the choice and by the full model."""

import numpy as np


def class_figures(labels, right, macs_share, num_classes):
    """Returns the accuracy on each class, and what its images cost.

    Args:
        labels: int array `(images,)`.
        right: dict from a choice of models to a bool array `(images,)`, which images it classifies
            rightly.
        macs_share: float array `(images,)`, what is spent on each.
        num_classes: int.

    Returns:
        Dict of lists with an entry for each class, in order: `images`, how many there are, int;
        by each name in `right`, the accuracy, a share in [0, 1]; `macs_share`, the mean. The latter
        are `None` for a class without images.
    """
    images = np.bincount(labels, minlength=num_classes)

    def means(values):
        sums = np.bincount(labels, np.asarray(values, np.float64), num_classes)
        return [
            float(total / count) if count else None
            for total, count in zip(sums, images, strict=True)
        ]

    return {
        "images": images.tolist(),
        **{choice: means(of) for choice, of in right.items()},
        "macs_share": means(macs_share),
    }


def confusion_matrix(labels, answers, num_classes):
    """Returns how many images of each class, by row, get each answer, by column.

    Args:
        labels: int array `(images,)`, each in `[0, num_classes)`.
        answers: int array `(images,)`, the same.
        num_classes: int.

    Returns:
        int64 array `(num_classes, num_classes)`; it adds up to the number of images.
    """
    pairs = np.asarray(labels, np.int64) * num_classes + answers
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
