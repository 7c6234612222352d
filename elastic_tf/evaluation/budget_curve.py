"""Accuracy and cost at a list of budgets, beside the choices that need none."""

import numpy as np

from elastic_tf.evaluation.answers import as_answers
from elastic_tf.policies.budget import priced_greedy


def budget_curve(network, batches, task, calibration, budgets):
    """Measures a network at several budgets on every image of a task.

    Args:
        network: an `ElasticNetwork`.
        batches: iterable of `(images, labels)` that gives the same images at every pass, or the
            `Answers` on them.
        task: str.
        calibration: the task's `BudgetCalibration`.
        budgets: iterable of floats in (0, 1].

    Returns:
        Dict of plain Python values. A point is a dict of `accuracy`, a share in [0, 1], and
        `macs_share`, the mean MACs as a share of the full model's.

        | key | value |
        | --- | --- |
        | `num_images` | images in `batches` |
        | `budgets` | list of points, selector included in the MACs, each with its `budget`, `price`
          and `is_reachable`: whether the calibration's images could be brought to it |
        | `selector` | point of the selector's own choice, selector included |
        | `levels` | list of points, each level used everywhere, without selector; the last is the
          full model |

    Raises:
        ValueError: if there is no image, or a budget is out of range.
    """
    answers, table = as_answers(network, batches, task), network.cost_table(task)
    prices = [float(calibration.price(budget)) for budget in budgets]

    def point(levels, with_selector):
        return {
            "accuracy": float(answers.are_right(levels).mean()),
            "macs_share": float(np.mean(table.macs(levels, with_selector)) / table.full_macs),
        }

    def at_price(price):
        return point(priced_greedy(answers.logits, table.block_shares, price), with_selector=True)

    return {
        "num_images": len(answers),
        "budgets": [
            {"budget": budget, "price": price, "is_reachable": calibration.reaches(budget)}
            | at_price(price)
            for budget, price in zip(budgets, prices, strict=True)
        ],
        "selector": at_price(0.0),
        "levels": [
            point(np.full(table.num_blocks, level), with_selector=False)
            for level in range(table.num_levels)
        ],
    }


def largest_miss(curve):
    """Returns how far the mean MACs are from a reachable budget at worst, a share of the full
    model's MACs; `None` if no budget is reachable.

    Args:
        curve: what `budget_curve` returns.
    """
    misses = [
        abs(point["macs_share"] - point["budget"])
        for point in curve["budgets"]
        if point["is_reachable"]
    ]
    return max(misses, default=None)
