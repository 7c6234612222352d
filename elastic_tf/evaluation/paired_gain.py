"""The gain in accuracy of one choice over another on the same images, with its interval."""

import numpy as np


def paired_gain(ours, theirs, resamples=2000, confidence=0.95, seed=0):
    """Returns the gain in accuracy of one choice over another, with a bootstrap interval.

    Images are drawn anew with replacement, each with both of its answers: what makes an image hard
    for both does not widen the interval.

    Args:
        ours: float or bool array `(images,)`. 1 where the answer is right; shares for a mean over
            several draws.
        theirs: the same, of the choice to compare with.
        resamples: int >= 1. Defaults to 2000.
        confidence: float in (0, 1). Defaults to 0.95.
        seed: int. Defaults to 0.

    Returns:
        Dict of `points`, the difference in percentage points, and `low`, `high`, the ends of its
        interval.

    Raises:
        ValueError: if the arrays are not of one shape `(images,)` with at least one image.

    Reference: Efron, 1979; the percentile interval.
    """
    return joint_gain([ours], [theirs], resamples, confidence, seed)


def joint_gain(ours, theirs, resamples=2000, confidence=0.95, seed=0):
    """Returns the mean over tasks of the gain in accuracy, with a bootstrap interval.

    Args:
        ours, theirs: sequences of arrays, one of each task, as `paired_gain` takes them. Images are
            drawn anew within each task.
        resamples, confidence, seed: see `paired_gain`.

    Returns, errors: see `paired_gain`.
    """
    generator = np.random.default_rng(seed)
    found = [_resampled(*pair, resamples, generator) for pair in zip(ours, theirs, strict=True)]
    points, means = (np.mean(of_tasks, axis=0) for of_tasks in zip(*found, strict=True))
    tail = 50 * (1 - confidence)
    low, high = np.percentile(means, [tail, 100 - tail])
    return {"points": 100 * float(points), "low": 100 * float(low), "high": 100 * float(high)}


def _resampled(ours, theirs, resamples, generator):
    """Returns the mean difference of a task, and those of images drawn anew, `(resamples,)`."""
    differences = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    if np.shape(ours) != np.shape(theirs) or differences.ndim != 1 or not differences.size:
        raise ValueError(
            "`ours` and `theirs` must be of one shape (images,), with at least one image. "
            f"Received: {np.shape(ours)} and {np.shape(theirs)}"
        )
    size = len(differences)
    # How often each image is drawn says as much as which are, and needs no array of indices.
    values, counts = np.unique(differences, return_counts=True)
    draws = generator.multinomial(size, counts / size, resamples)
    return differences.mean(), draws @ values / size
