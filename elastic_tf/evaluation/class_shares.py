"""What a group of images has in common: its classes, against those of all images."""

import numpy as np


def class_shares(labels, group, num_classes):
    """Compares the classes of a group of images with those of all.

    Args:
        labels: int array `(images,)`, of all.
        group: int array, indices of the images in the group; at least one.
        num_classes: int.

    Returns:
        List of dicts of plain Python values, a class each, in order: `label`; `count` of images in
        the group; `group_share` and `task_share`, of all images in the group and in the task;
        `lift`, their ratio, `None` for a class without images; `z`, by how many standard
        deviations `count` is above what as many images drawn from the task have on average
        (hypergeometric), 0 where every draw has the same.

    Raises:
        ValueError: if the group is empty.
    """
    labels, group = np.asarray(labels), np.asarray(group, int)
    if not group.size:
        raise ValueError("`group` must hold at least one image. Received: none")
    of_task = np.bincount(labels, minlength=num_classes)
    of_group = np.bincount(labels[group], minlength=num_classes)
    images, drawn = len(labels), len(group)
    shares = of_task / images
    variance = drawn * shares * (1 - shares) * (images - drawn) / max(images - 1, 1)
    return [
        {
            "label": label,
            "count": int(of_group[label]),
            "group_share": float(of_group[label] / drawn),
            "task_share": float(shares[label]),
            "lift": float(of_group[label] / drawn / shares[label]) if of_task[label] else None,
            "z": float(_deviation(of_group[label] - drawn * shares[label], variance[label])),
        }
        for label in range(num_classes)
    ]


def _deviation(difference, variance):
    return difference / np.sqrt(variance) if variance > 0 else 0.0
