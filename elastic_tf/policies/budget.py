"""Levels at a price: how a trained selector is held to a budget of MACs."""

import numbers

import numpy as np
import tensorflow as tf

from elastic_tf.policies.sampling import greedy


def priced_greedy(logits, block_shares, price):
    """Returns the best level of every block, where MACs have a price.

    With a higher price no block of any image takes a level that costs more. Between unequal prices
    no tie can break that: whoever wins at the lower price and loses at the higher one is dearer.

    Args:
        logits: float tensor `(batch, blocks, levels)`, of the selector.
        block_shares: float array `(blocks, levels)`. MACs of each block at each level, as shares of
            the full model's.
        price: float or scalar tensor, in units of the logits per full model. 0 for the selector's
            own choice; below 0 MACs are welcome.

    Returns:
        int32 tensor `(batch, blocks)`.

    Reference: Everett, 1963, "Generalized Lagrange multiplier method".
    """
    # In float32, rounding can turn two levels of almost the same worth around, and with it the
    # order of costs. Unequal float32 prices are far enough apart for float64 to keep it.
    price = tf.cast(tf.cast(price, tf.float32), tf.float64)
    worth = tf.cast(logits, tf.float64) - price * tf.cast(block_shares, tf.float64)
    return tf.argmax(worth, axis=-1, output_type=tf.int32)


def levels_at_budget(logits, block_shares, budget=None, calibration=None):
    """Returns the level of every block at a budget, or the selector's own choice without one.

    Args:
        logits: float tensor `(batch, blocks, levels)`.
        block_shares: see `priced_greedy`.
        budget: float in (0, 1] or scalar tensor, see `BudgetCalibration.price`; or `None`.
        calibration: a `BudgetCalibration`, or `None` if there is none.

    Returns:
        int32 tensor `(batch, blocks)`.

    Raises:
        ValueError: if there is a budget but no calibration, or the budget is out of range.
    """
    if budget is None:
        return greedy(logits)
    if calibration is None:
        raise ValueError(
            "`budget` must be None where the network has no calibration for the task. "
            f"Received: budget={budget}"
        )
    return priced_greedy(logits, block_shares, calibration.price(budget))


class BudgetCalibration:
    """The price of MACs that makes one task's images cost, on average, what a budget allows.

    Piecewise linear between points, the same price beyond the first and the last. As prices never
    rise with the budget, the mean MACs never fall with it (see `priced_greedy`).

    Args:
        budgets: sequence of floats > 0, increasing, at least one. Mean MACs per image, selector
            included, as shares of the full model's.
        prices: sequence of as many floats, not increasing. See `priced_greedy`.

    Raises:
        ValueError: if an argument is not usable.
    """

    def __init__(self, budgets, prices):
        self.budgets = _finite_numbers("budgets", budgets)
        self.prices = _finite_numbers("prices", prices)
        if len(self.budgets) != len(self.prices):
            raise ValueError(
                "`budgets` and `prices` must be of the same length. "
                f"Received: {len(self.budgets)} and {len(self.prices)}"
            )
        if self.budgets[0] <= 0 or np.any(np.diff(self.budgets) <= 0):
            raise ValueError(f"`budgets` must be increasing and > 0. Received: {budgets=}")
        if np.any(np.diff(self.prices) > 0):
            raise ValueError(f"`prices` must not increase. Received: {prices=}")

    def price(self, budget):
        """Returns the price for a budget.

        A budget that cannot be reached gets the price of the nearest that can.

        Args:
            budget: float in (0, 1], or a scalar tensor; a tensor's range is not checked.

        Returns:
            float32 scalar tensor.

        Raises:
            ValueError: if `budget` is not a scalar, or is a number out of range.
        """
        budgets, prices = tf.constant(self.budgets), tf.constant(self.prices)
        wanted = _check_budget(budget)
        right = tf.searchsorted(budgets, wanted[tf.newaxis], side="right")[0]
        right = tf.minimum(right, len(self.budgets) - 1)
        left = tf.maximum(right - 1, 0)
        # Before the first point, and with a single one, both are that one.
        way = tf.math.divide_no_nan(wanted - budgets[left], budgets[right] - budgets[left])
        price = prices[left] + way * (prices[right] - prices[left])
        # Beyond the last point it is that one's; and rounding must not carry it past any, or prices
        # would rise there.
        return tf.cast(tf.clip_by_value(price, prices[right], prices[left]), tf.float32)

    def share_at(self, prices):
        """Returns the mean MACs that prices come to, a float64 array of their shape."""
        # Prices do not increase with the budget: turned around, for the interpolation.
        return np.interp(prices, self.prices[::-1], self.budgets[::-1])

    def reaches(self, budget):
        """Returns whether a budget is neither below the cheapest nor above the dearest."""
        return bool(self.budgets[0] <= budget <= self.budgets[-1])


def check_budget_number(budget):
    """Raises a `ValueError` unless `budget` is a number in (0, 1]."""
    is_number = isinstance(budget, numbers.Real) and not isinstance(budget, bool)
    if not is_number or not 0 < budget <= 1:
        raise ValueError(f"`budget` must be a number in (0, 1]. Received: {budget=}")


def _check_budget(budget):
    """Returns a budget as a float64 scalar tensor."""
    if not tf.is_tensor(budget):
        check_budget_number(budget)
        return tf.constant(float(budget), tf.float64)
    if budget.shape.rank not in (0, None):
        raise ValueError(
            f"`budget` must be a number or a scalar tensor. Received: shape {tuple(budget.shape)}"
        )
    return tf.cast(budget, tf.float64)


def _finite_numbers(argument, values):
    try:
        floats = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        floats = np.array([np.nan])
    if floats.ndim != 1 or not floats.size or not np.all(np.isfinite(floats)):
        raise ValueError(
            f"`{argument}` must be a sequence of at least one finite number. "
            f"Received: {argument}={values}"
        )
    return floats
