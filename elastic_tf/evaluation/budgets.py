"""Budgets of MACs, and targets of a training: the prices that keep to them."""

import numpy as np

from elastic_tf.evaluation.answers import AnswersBySplit
from elastic_tf.models.network_settings import NONE, TRUNK
from elastic_tf.policies.budget import BudgetCalibration, priced_greedy
from elastic_tf.settings import check_integer

# The mean MACs of so many images are within half a point or so of those of any others.
_ENOUGH_IMAGES = 2000
# Prices at which a selector in the trunk is run, to see what its choice costs.
_PASSES = 15


def calibrate_network(answers, tasks=None):
    """Calibrates a network for budgets: sets its `calibrations`, which are saved with it.

    Validation images are used. Where these are few, training images join them: a price needs no
    labels, and the chance in who is among a hundred images moves the mean MACs by several points.
    A network without a selector is left as it is.

    Args:
        answers: `AnswersBySplit` of the network.
        tasks: iterable of str. Defaults to all of the network's.

    Raises:
        ValueError: if a task has no validation images.

    Example:

    >>> calibrate_network(AnswersBySplit(network, batches_of))
    >>> network.predict({"digits": images}, budget=0.4, policy="selector")
    """
    network = answers.network
    if network.selector_kind == NONE:
        return
    for task in tasks or network.tasks:
        if network.selector_kind == TRUNK:
            calibration = calibrate_by_passes(_calibration_answers(answers, task))
        else:
            logits = _calibration_logits(answers, task)
            calibration = calibrate(logits, network.cost_table(task))
        network.calibrations[task] = calibration


def settle_target(network, batches_of, tasks=None):
    """Shifts the selector's scores so that its choice meets the target of its training.

    Training leaves it near: the price of MACs follows shares that were measured on batches. It is
    done on the images that `calibrate_network` takes. Nothing is done for tasks without a target,
    or frozen ones, or without a selector, or with the paper's, whose scores have no offsets.

    Args:
        network: a compiled `DeepElasticNetwork`, trained.
        batches_of: see `AnswersBySplit`; answers of before are those of another network.
        tasks: iterable of str. Defaults to all of the network's.

    Returns:
        Dict from the task's name to the price that its scores now carry; empty if nothing is done.
    """
    method = network.method
    tasks = [task for task in tasks or network.tasks if task not in method.frozen_tasks]
    targets = {task: method.target_macs_of(task) for task in tasks}
    targets = {task: target for task, target in targets.items() if target is not None}
    if not targets or network.selector_kind == NONE or network.selector.features == "pooled":
        return {}
    answers = AnswersBySplit(network, batches_of)
    tables = {task: network.cost_table(task) for task in targets}
    if network.selector_kind == TRUNK:
        curves = {
            task: calibrate_by_passes(_calibration_answers(answers, task)) for task in targets
        }
        prices = _prices_on(curves, targets, method.target_scope)
    else:
        logits = {task: _calibration_logits(answers, task) for task in targets}
        prices = target_prices(logits, tables, targets, method.target_scope)
    for task, price in prices.items():
        network.selector.shift_offsets(task, price * tables[task].block_shares)
    return prices


def _calibration_answers(answers, task):
    """Returns a list of the `Answers` on images to calibrate on."""
    held_out = answers.on(task, "validation")
    if len(held_out) >= _ENOUGH_IMAGES:
        return [held_out]
    return [held_out, answers.on(task, "train")]


def _calibration_logits(answers, task):
    """Returns the selector's logits on these images, `(images, blocks, levels)`."""
    return np.concatenate([on.logits for on in _calibration_answers(answers, task)])


def calibrate_by_passes(answers, points=_PASSES):
    """As `calibrate`, for a selector in the trunk, whose scores a price changes.

    Its scores at no price say at which prices something happens. At some of these the network runs
    on the images, and what it costs is measured. Where a higher price made images dearer, which can
    happen by chance, it is taken for as dear as the lower.

    Args:
        answers: list of `Answers` of one task.
        points: int >= 2. Prices that are tried. Defaults to 15.

    Returns:
        A `BudgetCalibration`.
    """
    table = answers[0].table
    first = calibrate(np.concatenate([on.logits for on in answers]), table, points)
    prices = first.prices.astype(np.float32).astype(np.float64)
    shares = [
        np.mean(np.concatenate([table.macs_share(on.choose_at(price)) for on in answers]))
        for price in prices
    ]
    shares = np.maximum.accumulate(shares)
    is_new = np.append(True, np.diff(shares) > 0)
    return BudgetCalibration(shares[is_new], prices[is_new])


def _prices_on(curves, targets, scope):
    """Returns what `target_prices` does, from calibrations."""
    if scope == "task":
        return {task: float(curve.price(targets[task])) for task, curve in curves.items()}
    prices = np.unique(np.concatenate([curve.prices for curve in curves.values()]))
    means = np.mean([curve.share_at(prices) for curve in curves.values()], axis=0)
    target = np.mean(list(targets.values()))
    return dict.fromkeys(curves, float(np.interp(-target, -means, prices)))


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
    check_integer("points", points, 2)
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


def target_prices(logits, tables, targets, scope="task"):
    """Returns the price for every task at which its selector's choice meets its target.

    Training adapts its own price by the noisy shares of batches, and ends near the target, not on
    it; what is left of the way is small.

    Args:
        logits: dict from task name to float array `(images, blocks, levels)`, of the selector.
        tables: dict from task name to its `CostTable`.
        targets: dict from task name to the mean share of MACs wanted, selector included.
        scope: `"task"`: a price for each task; `"all"`: the same for all, at which the mean of
            their shares meets the mean of the targets.

    Returns:
        Dict from task name to float, as `priced_greedy` takes it. A target that cannot be reached
        gets the price of the nearest that can, as far as a price of that size goes.
    """
    if scope == "task":
        return {task: _price({task: logits[task]}, tables, targets[task]) for task in targets}
    mean_target = np.mean(list(targets.values()))
    price = _price({task: logits[task] for task in targets}, tables, mean_target)
    return dict.fromkeys(targets, price)


def _price(logits, tables, target):
    def mean_share(price):
        shares = []
        for task, scores in logits.items():
            table = tables[task]
            levels = priced_greedy(scores, table.block_shares, price)
            shares.append(np.mean(table.macs_share(levels)))
        return np.mean(shares)

    # Enough to turn around the largest difference between logits, for a block of 1 % of the MACs.
    reach = 200 * max(float(np.ptp(scores)) for scores in logits.values()) + 1
    # In float32, as prices are used; else both ends could turn out the same price.
    low, high = np.float32(-reach), np.float32(reach)
    while low < (price := (low + high) / np.float32(2)) < high:
        low, high = (price, high) if mean_share(price) > target else (low, price)
    # Between the means on either side of a jump, the nearer.
    return float(min((low, high), key=lambda price: abs(mean_share(price) - target)))
