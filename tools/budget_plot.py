"""The plot: accuracy over mean MACs, a panel per task."""

import os

import matplotlib.backends.backend_agg
import matplotlib.figure

# Distinct in print without colour, and for the colour-blind (Okabe and Ito).
_BUDGETS = {"marker": "o", "color": "#0072b2", "linestyle": "-", "label": "at a budget"}
_SELECTOR = {"marker": "*", "color": "#d55e00", "linestyle": "none", "markersize": 11}
_LEVELS = {"marker": "s", "color": "0.35", "linestyle": ":", "markerfacecolor": "white"}
_COLUMNS = 3


def write_budget_plot(path, curves, title):
    """Writes a PNG, whole or not at all.

    Args:
        path: str or path of the file.
        curves: dict from task name to what `budget_curve` returns.
        title: str.

    Raises:
        OSError: if the file cannot be written.
    """
    figure = draw_budget_plot(curves, title)
    partial = f"{path}.partial"
    figure.savefig(partial, format="png", dpi=200)
    os.replace(partial, path)


def draw_budget_plot(curves, title):
    """Returns the `matplotlib` figure; args as of `write_budget_plot`."""
    columns = min(_COLUMNS, len(curves))
    rows = -(-len(curves) // columns)
    figure = matplotlib.figure.Figure(
        figsize=(max(4.4, 3.2 * columns), 0.9 + 2.9 * rows), layout="constrained"
    )
    matplotlib.backends.backend_agg.FigureCanvasAgg(figure)  # Without a window.
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, (task, curve) in zip(panels, curves.items(), strict=False):
        _draw_task(axes, task, curve)
    for axes in panels[len(curves) :]:
        axes.remove()
    figure.suptitle(title)
    lines = panels[0].get_lines()
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), fontsize="small")
    return figure


def _draw_task(axes, task, curve):
    *levels, full = curve["levels"]
    end = f"levels 0 to {len(levels)} everywhere, the last the full model"
    axes.plot(*_points(curve["budgets"]), markersize=4, **_BUDGETS)
    axes.plot(*_points([curve["selector"]]), label="the selector's own choice", **_SELECTOR)
    axes.plot(*_points([*levels, full]), markersize=5, label=end, **_LEVELS)
    axes.set_xlabel("mean MACs per image,\n% of the full model's")
    axes.set_ylabel("accuracy, %")
    axes.set_xlim(left=0)
    axes.set_ylim(*_limits(curve))
    axes.set_title(task, fontsize="medium")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)


def _limits(curve):
    """Returns the ends of the axis of accuracy, in %.

    Levels that are cheaper than all budgets do not count: level 0 guesses, and would press all else
    together. The line to it leaves the panel.
    """
    cheapest = min(point["macs_share"] for point in curve["budgets"])
    levels = [point for point in curve["levels"] if point["macs_share"] >= cheapest]
    _, accuracies = _points([*curve["budgets"], curve["selector"], *levels])
    low, high = min(accuracies), max(accuracies)
    margin = max(0.5, 0.06 * (high - low))
    return low - margin, high + margin


def _points(points):
    return [100 * p["macs_share"] for p in points], [100 * p["accuracy"] for p in points]
