"""Which images of the official train split are held out for validation."""

import numpy as np

# Its own constant: were it the seed of the training run, runs with different seeds would be
# compared on different images, and a resumed run could validate on images it was trained on.
SPLIT_SEED = 20190


def carve_validation(labels, validation_share, seed=SPLIT_SEED):
    """Splits the train examples in two, class by class.

    Every class gives its share, at least one example and never its last one. The same arguments
    always give the same result.

    Args:
        labels: integer array `(examples,)`.
        validation_share: float in [0, 0.5].
        seed: int >= 0. Which of the possible parts; always the same one for validation.

    Returns:
        Two int64 arrays, ascending: the indices that stay in train, and those for validation.
        Every index is in exactly one of them.
    """
    labels = np.asarray(labels)
    held_out = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        indices = np.flatnonzero(labels == label)
        count = _share_of(len(indices), validation_share)
        # The label is in the seed so that a class keeps its images when others come or go.
        order = np.random.default_rng([seed, int(label)]).permutation(len(indices))
        held_out[indices[order[:count]]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _share_of(count, share):
    return min(max(1, round(share * count)), count - 1) if share else 0
