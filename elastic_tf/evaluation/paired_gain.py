"""The difference between two ways of choosing, on the same images, and how sure it is."""

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
    differences = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    if np.shape(ours) != np.shape(theirs) or differences.ndim != 1 or not differences.size:
        raise ValueError(
            "`ours` and `theirs` must be of one shape (images,), with at least one image. "
            f"Received: {np.shape(ours)} and {np.shape(theirs)}"
        )
    generator = np.random.default_rng(seed)
    size = len(differences)
    # How often each image is drawn says as much as which are, and needs no array of indices.
    values, counts = np.unique(differences, return_counts=True)
    draws = generator.multinomial(size, counts / size, resamples)
    means = draws @ values / size
    tail = 50 * (1 - confidence)
    low, high = np.percentile(means, [tail, 100 - tail])
    return {
        "points": 100 * float(differences.mean()),
        "low": 100 * float(low),
        "high": 100 * float(high),
    }
