"""Accuracy over MACs: what a trained network offers at which cost."""

import functools

import numpy as np

from elastic_tf.evaluation.fixed_front import pareto_front
from elastic_tf.report.style import ACCENT, QUIET, SECOND, Drawing, add_legend
from elastic_tf.report.tables import has_selector

# The looks of a series of points. Told apart in print without colour too.
_LEVELS = {"marker": "s", "linestyle": ":", "color": QUIET, "markerfacecolor": "none"}
_POINTS = {"marker": "o", "linestyle": "none", "color": QUIET, "markersize": 3.5}
_LINE = {"marker": "o", "color": ACCENT, "markersize": 4}
_LOOK = {"marker": "^", "linestyle": "-.", "color": SECOND, "markersize": 4}
_STAR = {"marker": "*", "linestyle": "none", "color": SECOND, "markersize": 12}
_CROSS = {"marker": "x", "linestyle": "none", "color": SECOND}
_ENVELOPE = {"marker": "D", "linestyle": "--", "color": QUIET, "markersize": 4}
# Level 0 guesses: with its accuracy on the axis, all else would be pressed together.
_CHEAP = 0.1


def draw_tradeoff(results, curves=None):
    """Draws every way to choose a model, a panel for each task.

    Args:
        results: dict from task to what `evaluate_task` returns.
        curves: dict from task to what `budget_curve` returns; `None` for no line of budgets.

    Returns:
        `Drawing`.
    """
    panels = {}
    for task, figures in results.items():
        accuracy, share = figures["accuracy"], figures["macs_share"]
        budgets = (curves or {}).get(task, {"budgets": []})["budgets"]
        corners = figures.get("front", {"corners": []})["corners"]
        measured = [corner for corner in corners if "accuracy" in corner]
        looks = _points(figures.get("second_look", []))
        chooses = has_selector(figures)
        series = [
            (
                "fixed levels",
                _LEVELS,
                [(macs, accuracy[level]) for level, macs in figures["fixed_macs_share"].items()],
            ),
            ("selector at budgets", _LINE, _points(budgets)),
            ("second look at budgets", _LOOK, looks),
            ("its choices, shuffled", _CROSS, [(share, accuracy["shuffled"])] * chooses),
            ("fixed models found, and mixtures", _ENVELOPE, _points(measured)),
            ("selector", _STAR, [(share, accuracy["selector"])] * chooses),
        ]
        panels[task] = functools.partial(
            _draw_gain,
            front=_points(measured),
            choice=looks or _points(budgets),
            colour=SECOND if looks else ACCENT,
            series=series,
        )
    return Drawing("accuracy against MACs", panels, height=2.8, finish=add_legend)


def draw_budget_curves(curves, title=None):
    """Draws accuracy at several budgets, a panel for each task.

    Args:
        curves: dict from task to what `budget_curve` returns.
        title: str, above all; `None` for none.

    Returns:
        `Drawing`.
    """
    panels = {}
    for task, curve in curves.items():
        series = [
            ("fixed levels", _LEVELS, _points(curve["levels"])),
            ("selector at budgets", _LINE, _points(curve["budgets"])),
            ("selector", _STAR, _points([curve["selector"]])),
        ]
        cheapest = min(point["macs_share"] for point in curve["budgets"])
        panels[task] = functools.partial(_draw, series=series, cheap=cheapest)
    return Drawing("accuracy at budgets", panels, 3.0, columns=3, finish=add_legend, title=title)


def draw_fixed_models(found):
    """Draws all fixed models tried, with the best of each cost, a panel for each task.

    Args:
        found: dict from task to what `search_fixed_models` returns.

    Returns:
        `Drawing`.
    """
    panels = {}
    for task, each in found.items():
        tried = _points(each["tried"], "validation_accuracy")
        series = [
            ("fixed models tried", _POINTS, tried),
            ("best of their cost", _LINE, [tried[index] for index in pareto_front(tried)]),
            ("selector", _STAR, _points([each["selector"]], "validation_accuracy")),
        ]
        panels[task] = functools.partial(_draw, series=series, images="validation")
    return Drawing("fixed models", panels, height=3.2, finish=add_legend)


def draw_trials(trials, front, title=None, budget=None):
    """Draws the trials of a search for settings, with the front.

    Args:
        trials: list of dicts with `macs_share` and `accuracy`, shares, of validation; at least one,
            the best first.
        front: list of those that no other beats, by rising MACs.
        title: str, what is best; `None` for none.
        budget: float, the share of MACs that trials are held to; `None` for none.

    Returns:
        `Drawing`.
    """
    series = [
        ("trials", _POINTS, _points([trial for trial in trials if trial not in front])),
        ("front: no trial is better", _LINE, _points(front)),
        ("best score", _STAR, _points(trials[:1])),
    ]

    def draw(axes):
        _draw(axes, series, images="validation")
        if budget is not None:
            axes.axvline(100 * budget, color=QUIET, linestyle=":", label="budget")

    legend = functools.partial(add_legend, columns=4)
    return Drawing("trials", {title or "trials": draw}, height=3.6, width=5.2, finish=legend)


def _points(figures, accuracy="accuracy"):
    return [(each["macs_share"], each[accuracy]) for each in figures]


def _draw_gain(axes, front, choice, colour, series):
    """Draws series, and shades what a choice at budgets has above the front.

    `front` and `choice` are lists of `(share of MACs, accuracy)`.
    """
    _draw(axes, series, cheap=_CHEAP)
    if not (front and choice):
        return
    front, choice = sorted(front), sorted(choice)
    ends = max(front[0][0], choice[0][0]), choice[-1][0]
    if ends[0] >= ends[1]:
        return
    macs = np.linspace(*ends, 200)
    ours, theirs = (np.interp(macs, *zip(*line, strict=True)) for line in (choice, front))
    looks = {"color": colour, "alpha": 0.25, "linewidth": 0, "label": "gain of the choice"}
    axes.fill_between(100 * macs, 100 * theirs, 100 * ours, where=ours > theirs, **looks)


def _draw(axes, series, cheap=None, images=None):
    """Draws series, tuples of a name, looks, and a list of `(share of MACs, accuracy)`.

    The axis of accuracy does not reach for what costs less than `cheap`, a share of MACs; the line
    to it leaves the panel. `images`: which ones the accuracy is on, where that is to be said.
    """
    for name, looks, points in series:
        if points:
            macs, accuracies = zip(*points, strict=True)
            axes.plot([100 * m for m in macs], [100 * a for a in accuracies], label=name, **looks)
    if cheap is not None:
        shown = [100 * a for _, _, points in series for macs, a in points if macs >= cheap]
        margin = max(0.5, 0.08 * (max(shown) - min(shown)))
        axes.set_ylim(min(shown) - margin, max(shown) + margin)
        axes.set_xlim(left=0)
    axes.set_xlabel("mean MACs, % of the full model's")
    axes.set_ylabel(f"accuracy on {images} images, %" if images else "accuracy, %")
    axes.grid(color=QUIET, alpha=0.25)
