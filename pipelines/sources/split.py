"""Which images are for training, validation and testing."""

import numpy as np

SPLITS = ("train", "validation", "test")
_NUM_NAMED = 5  # In a message.
MAX_VALIDATION_SHARE = 0.5
# Their own constants: were it the seed of the training run, runs with different seeds would be
# compared on different images, and a resumed run could validate on images it was trained on.
_VALIDATION_SEED = 20190
# With the same one, validation would get the very images that a larger test share would have taken.
_TEST_SEED = 20191


class DataNotFoundError(FileNotFoundError):
    """The images are missing or damaged; the message says what to put where."""


def name_some(names):
    """Returns the first of several names for a message, and how many more there are, a str."""
    more = f" and {len(names) - _NUM_NAMED} more" if len(names) > _NUM_NAMED else ""
    return ", ".join(names[:_NUM_NAMED]) + more


def check_split(split, validation_share):
    """Checks the arguments that all sources share.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        validation_share: float in [0, 0.5]. Share of the official train split that is held out.
            With 0 there is no validation split.

    Raises:
        ValueError: if one is out of range, or the validation split is asked for and empty.
    """
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {', '.join(SPLITS)}. Received: {split=}")
    if not 0 <= validation_share <= MAX_VALIDATION_SHARE:
        raise ValueError(
            f"`validation_share` must be in [0, {MAX_VALIDATION_SHARE}]. "
            f"Received: {validation_share=}"
        )
    if split == "validation" and not validation_share:
        raise ValueError(
            "`validation_share` must be above 0 for there to be a validation split. "
            f"Received: {validation_share=}"
        )


def carve_validation(labels, share):
    """Divides the train examples in two, class by class.

    Every class gives its share, at least one example and never its last one. The same arguments
    always give the same result, and a class keeps its images when others come or go.

    Args:
        labels: integer array `(examples,)`.
        share: float in [0, 0.5].

    Returns:
        Two int64 arrays, ascending: the indices that stay in train, and those for validation.
        Every index is in exactly one of them.
    """
    return _carve(labels, share, _VALIDATION_SEED)


def carve_test(labels, share):
    """Divides examples that come without a test split, as `carve_validation` does.

    Args:
        labels: integer array `(examples,)`.
        share: float in (0, 0.5].

    Returns:
        Two int64 arrays, ascending: the indices that stay in train, and those for testing.
    """
    return _carve(labels, share, _TEST_SEED)


def _carve(labels, share, seed):
    labels = np.asarray(labels)
    held_out = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        indices = np.flatnonzero(labels == label)
        count = share_of(len(indices), share)
        # The label is in the seed, so that classes are drawn independently.
        order = np.random.default_rng([seed, int(label)]).permutation(len(indices))
        held_out[indices[order[:count]]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def share_of(count, share):
    """Returns how many of `count` examples a share is, an int: at least one, and never all."""
    return min(max(1, round(share * count)), count - 1) if share else 0
