"""All models tried as points of accuracy over MACs, with the best of each cost."""

import matplotlib

from elastic_tf.evaluation.fixed_models import pareto_front
from elastic_tf.report.style import ACCENT, QUIET, SECOND, STYLE, add_legend, new_figure


def draw_models(found):
    """Returns the `matplotlib` figure, a panel for each task.

    Args:
        found: see `format_models`.
    """
    figure, panels = new_figure(len(found), height=3.2)
    for axes, (task, each) in zip(panels, found.items(), strict=True):
        with matplotlib.rc_context(STYLE):
            _draw_task(axes, task, each)
    add_legend(figure, panels)
    return figure


def _draw_task(axes, task, found):
    points = [(tried["macs_share"], tried["validation_accuracy"]) for tried in found["tried"]]
    front = [points[index] for index in pareto_front(points)]
    selector = (found["selector"]["macs_share"], found["selector"]["validation_accuracy"])
    axes.plot(*_percent(points), "o", color=QUIET, markersize=2.5, label="fixed models tried")
    axes.plot(*_percent(front), "o-", color=ACCENT, markersize=4, label="best of their cost")
    axes.plot(
        *_percent([selector]), "*", color=SECOND, markersize=11, label="the selector's choice"
    )
    axes.set_xlabel("MACs, % of the full model's")
    axes.set_ylabel("accuracy on validation images, %")
    axes.set_title(task, fontsize="medium")
    axes.grid(color="0.5", alpha=0.25)


def _percent(points):
    return [100 * cost for cost, _ in points], [100 * accuracy for _, accuracy in points]
