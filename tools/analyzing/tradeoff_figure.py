"""Accuracy against cost: the selector, fixed models, and the selector at budgets."""

from tools.analyzing.figure import ACCENT, QUIET, SECOND, add_legend, in_style, new_figure

_CHEAP = 0.1


@in_style
def draw_tradeoff(results, curves=None):
    """Draws a panel for each task.

    Args:
        results: dict from task to what `evaluate_task` returns.
        curves: dict from task to what `budget_curve` returns; `None` for no line of budgets.

    Returns:
        `matplotlib` figure.
    """
    figure, panels = new_figure(len(results), height=2.8)
    for axes, (task, figures) in zip(panels, results.items(), strict=True):
        _draw(axes, task, figures, (curves or {}).get(task))
    add_legend(figure, panels)
    return figure


def _draw(axes, task, figures, curve):
    accuracy, share = figures["accuracy"], figures["macs_share"]
    fixed = [(of_level, accuracy[level]) for level, of_level in figures["fixed_macs_share"].items()]
    axes.plot(*_percent(fixed), "s:", color=QUIET, markerfacecolor="none", label="fixed levels")
    budgets = [
        (each["macs_share"], each["accuracy"]) for each in (curve or {"budgets": ()})["budgets"]
    ]
    if budgets:
        axes.plot(*_percent(budgets), "o-", color=ACCENT, markersize=4, label="selector at budgets")
    blind = [(share, accuracy["shuffled"])]
    axes.plot(*_percent(blind), "x", color=SECOND, label="its choices, shuffled")
    best = []
    if "best_static" in figures:
        best = [(figures["best_static"]["macs_share"], accuracy["best_static"])]
        axes.plot(*_percent(best), "D", color=QUIET, label="best fixed model found")
    chosen = [(share, accuracy["selector"])]
    axes.plot(*_percent(chosen), "*", color=SECOND, markersize=12, label="selector")
    axes.set_title(task, fontsize="medium")
    axes.set_xlabel("mean MACs, % of the full model")
    axes.set_ylabel("accuracy, %")
    axes.set_xlim(left=0)
    axes.set_ylim(*_limits([*fixed, *budgets, *blind, *best, *chosen]))


def _limits(points):
    """Returns the ends of the axis of accuracy, in %.

    Models of less than a tenth of the cost do not count: level 0 guesses, and would press all else
    together. The line to it leaves the panel.
    """
    accuracies = [100 * accuracy for share, accuracy in points if share > _CHEAP]
    low, high = min(accuracies), max(accuracies)
    margin = max(0.5, 0.08 * (high - low))
    return low - margin, high + margin


def _percent(points):
    return [100 * x for x, _ in points], [100 * y for _, y in points]
