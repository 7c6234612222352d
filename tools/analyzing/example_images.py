"""Which images stand for a group."""

import numpy as np

_SEED = 0


def example_images(labels, group, count):
    """Returns indices of images that show a group as it is, at most so many.

    Every class has its share of them, as near as whole numbers come to it (largest remainder); of
    a class they are drawn at random, the same at every call. The most frequent class comes first.

    Args:
        labels: int array `(images,)`, of all.
        group: int array, indices of the images in the group; at least one.
        count: int >= 1.

    Returns:
        List of int.
    """
    labels, group = np.asarray(labels), np.asarray(group)
    sizes = np.bincount(labels[group])
    places = _places(sizes, min(count, len(group)))
    random = np.random.default_rng(_SEED)
    found = []
    for label in np.argsort(-sizes, kind="stable"):
        of_class = group[labels[group] == label]
        found += sorted(random.permutation(of_class)[: places[label]])
    return [int(index) for index in found]


def _places(sizes, count):
    """Shares out places in proportion to sizes; returns an int array that adds up to `count`."""
    quotas = count * sizes / sizes.sum()
    places = np.floor(quotas).astype(int)
    # The larger class of two with the same remainder.
    by_remainder = np.lexsort((-sizes, places - quotas))
    places[by_remainder[: count - places.sum()]] += 1
    return places
