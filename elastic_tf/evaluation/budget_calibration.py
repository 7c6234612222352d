"""What MACs must cost for the selector to keep to a budget, found on images held out."""

import numpy as np

from elastic_tf.policies.budget import BudgetCalibration


def calibrate(logits, table, points=101):
    """Finds the prices that bring the mean MACs of a set of images to a grid of budgets.

    The mean is a step function of the price: it changes where some image changes a level, and where
    many change at once it jumps. Every price at which that happens is computed, so that no bounds
    for a search have to be guessed. Each budget gets the nearest mean there is, of two as near the
    cheaper, and the price in the middle of that step: rounding and new images do not tip it over.

    The grid goes from the cheapest mean to 1, the full model's without selector; means above 1 are
    left out, so that a budget of 1 is not exceeded. The spacing bounds what interpolation between
    points can miss.

    Args:
        logits: float array `(images, blocks, levels)`, of the selector.
        table: the task's `CostTable`.
        points: int >= 2. Budgets in the grid, evenly spaced. Defaults to 101.

    Returns:
        A `BudgetCalibration`.

    Raises:
        ValueError: if an argument is not usable.
    """
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 3 or not len(logits) or logits.shape[1:] != table.block_macs.shape:
        raise ValueError(
            f"`logits` must be of shape (images, {table.num_blocks}, {table.num_levels}), with at "
            f"least one image. Received: logits.shape={logits.shape}"
        )
    if not np.all(np.isfinite(logits)):
        raise ValueError("`logits` must be finite. Received: infinite or undefined ones")
    if isinstance(points, bool) or not isinstance(points, int) or points < 2:
        raise ValueError(f"`points` must be an integer >= 2. Received: {points=}")
    shares, prices = _steps(logits, table)
    most = max(shares[0], 1.0)  # If even the cheapest is above 1, all budgets get that.
    budgets = np.unique(np.linspace(shares[0], most, points))
    shares = shares[shares <= most]
    return BudgetCalibration(budgets, prices[_nearest(shares, budgets)])


def _steps(logits, table):
    """Returns the means that there are, increasing, and a price in the middle of each step."""
    changes, added = _changes(logits, table.block_macs, table.full_macs)
    order = np.argsort(-changes, kind="stable")
    # What float32, in which prices are used, cannot tell apart happens at once.
    changes = changes[order].astype(np.float32).astype(np.float64)
    is_last = np.append(changes[1:] < changes[:-1], True)[: len(changes)]
    changes, added = changes[is_last], np.cumsum(added[order])[is_last]
    cheapest = table.fixed_macs + table.selector_macs + int(table.block_macs.min(axis=1).sum())
    shares = (cheapest + np.append(0, added) / len(logits)) / table.full_macs
    if not len(changes):
        return shares, np.zeros(1)
    # Beyond the outermost changes, far enough for images with larger gaps between their logits.
    margin = changes[0] - changes[-1] + 1
    ends = np.concatenate([[changes[0] + 2 * margin], changes, [changes[-1] - 2 * margin]])
    return shares, (ends[:-1] + ends[1:]) / 2


def _changes(logits, block_macs, full_macs):
    """Returns every change to a dearer level as the price falls, of any block of any image.

    Returns:
        prices: float64 array `(changes,)`, at which they happen.
        added: int64 array `(changes,)`, by how many MACs.
    """
    rows, blocks = np.indices(logits.shape[:2])
    is_cheapest = block_macs == block_macs.min(axis=1, keepdims=True)
    level = np.where(is_cheapest, logits, -np.inf).argmax(axis=-1)
    prices, added = [], []
    # A level is left for good, so there are no more changes than this.
    for _ in range(logits.shape[2] - 1):
        dearer_by = block_macs - block_macs[blocks, level][..., np.newaxis]
        gain = logits - logits[rows, blocks, level][..., np.newaxis]
        # As the price falls, the first to be worth as much as the level at hand.
        worth = np.where(dearer_by > 0, gain / np.where(dearer_by > 0, dearer_by, 1), -np.inf)
        best = worth.argmax(axis=-1)
        changes = np.isfinite(worth[rows, blocks, best])
        prices.append(worth[rows, blocks, best][changes] * full_macs)
        added.append(dearer_by[rows, blocks, best][changes])
        level = np.where(changes, best, level)
    return np.concatenate([*prices, []]), np.concatenate([*added, np.zeros(0, np.int64)])


def _nearest(shares, budgets):
    """Returns for every budget the index of the nearest share; of two as near, the lower."""
    halfway = (shares[:-1] + shares[1:]) / 2
    return np.searchsorted(halfway, budgets)
