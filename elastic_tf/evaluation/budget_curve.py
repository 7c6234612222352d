"""What a network comes to along budgets of MACs, by its selector."""

import numpy as np

# Between them the curve of a network is as good as straight.
VALIDATION_BUDGETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def budget_curve(answers, budgets):
    """Measures a network at several budgets on every image of a task.

    Args:
        answers: `Answers` of the network, which must be calibrated if there are budgets.
        budgets: iterable of floats in (0, 1].

    Returns:
        Dict of plain Python values. A point is a dict of `accuracy`, a share in [0, 1], and
        `macs_share`, the mean MACs as a share of the full model's.

        | key | value |
        | --- | --- |
        | `num_images` | how many images there are |
        | `budgets` | list of points, selector included in the MACs, each with its `budget`, `price`
          and `is_reachable`: whether the calibration's images could be brought to it |
        | `selector` | point of the selector's own choice, selector included |
        | `levels` | list of points, each level used everywhere, without selector; the last is the
          full model |

    Raises:
        ValueError: if a budget is out of range or has no calibration.
    """
    table, calibration = answers.table, answers.network.calibrations.get(answers.task)
    budgets = list(budgets)
    prices = [answers.price(budget) for budget in budgets]  # Refused before the work begins.

    def point(levels, with_selector):
        return {
            "accuracy": float(answers.are_right(levels).mean()),
            "macs_share": float(np.mean(table.macs(levels, with_selector)) / table.full_macs),
        }

    return {
        "num_images": len(answers),
        "budgets": [
            {"budget": budget, "price": price, "is_reachable": calibration.reaches(budget)}
            | point(answers.choose(budget), with_selector=True)
            for budget, price in zip(budgets, prices, strict=True)
        ],
        "selector": point(answers.choose(), with_selector=True),
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


def validation_figures(answers, tasks=None):
    """Measures a network in training on validation images: what settings are chosen by.

    Args:
        answers: `AnswersBySplit` of a compiled `DeepElasticNetwork`; of one that has come to the
            end of its training, calibrated.
        tasks: iterable of str. Defaults to all of the network's.

    Returns:
        Dict of `step`, training steps taken, an int; `is_whole_training`, a bool;
        `is_selector_trained`, a bool, whether the selector has had a first turn; `tasks`, a dict
        from name to what `budget_curve` returns at `VALIDATION_BUDGETS`, without budgets before
        the end or without a calibration.
    """
    network = answers.network
    step, stages = int(network.step.numpy()), network.stages
    is_whole = step >= stages.total_steps
    return {
        "step": step,
        "is_whole_training": is_whole,
        "is_selector_trained": bool(
            stages.rounds and step >= stages.initial_steps + stages.selector_steps
        ),
        "tasks": {
            task: budget_curve(
                answers.on(task, "validation"),
                VALIDATION_BUDGETS if is_whole and task in network.calibrations else (),
            )
            for task in tasks or network.tasks
        },
    }
