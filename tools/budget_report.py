"""The curve of accuracy over budget as a table, for a person, and as CSV."""

import csv
import os

from elastic_tf.evaluation.budgets import largest_miss

_COLUMNS = ("task", "choice", "budget", "price", "is_reachable", "macs_share", "accuracy")


def format_curves(curves):
    """Returns the table of every task.

    Args:
        curves: dict from task name to what `budget_curve` returns.

    Returns:
        str of several lines.
    """
    return "\n\n".join(_format_task(task, curve) for task, curve in curves.items())


def write_csv(path, curves):
    """Writes a line per task and choice, whole or not at all.

    Shares are in [0, 1] and not in %; columns that do not apply are empty.

    Args:
        path: str or path.
        curves: dict from task name to what `budget_curve` returns.
    """
    partial = f"{path}.partial"
    with open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        for task, curve in curves.items():
            for choice, point in _choices(curve):
                writer.writerow({"task": task, "choice": choice} | point)
    os.replace(partial, path)


def _choices(curve):
    """Returns every choice of models as a tuple: its name, its point."""
    *levels, full = [(f"level {k} everywhere", point) for k, point in enumerate(curve["levels"])]
    return [
        *(("at the budget", point) for point in curve["budgets"]),
        ("selector", curve["selector"]),
        *levels,
        ("full model", full[1]),
    ]


def _format_task(task, curve):
    rows = "\n".join(_format_row(choice, point) for choice, point in _choices(curve))
    miss = largest_miss(curve)
    note = (
        "no budget is within reach"
        if miss is None
        else f"largest miss of a budget within reach {100 * miss:.2f} points"
    )
    return (
        f"{task}: {curve['num_images']} images\n"
        f"  {'choice':<22} {'budget %':>9} {'MACs %':>8} {'accuracy %':>11}\n{rows}\n  {note}"
    )


def _format_row(choice, point):
    budget = f"{100 * point['budget']:.1f}" if "budget" in point else ""
    out_of_reach = "" if point.get("is_reachable", True) else "  out of reach"
    return (
        f"  {choice:<22} {budget:>9} {100 * point['macs_share']:>8.1f} "
        f"{100 * point['accuracy']:>11.2f}{out_of_reach}"
    )
