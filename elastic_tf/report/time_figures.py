"""Accuracy over measured time: what a trained network and others beside it offer at which speed."""

import functools
import itertools

from elastic_tf.evaluation.fixed_front import pareto_front
from elastic_tf.policies.second_look import SECOND_LOOK, SELECTOR
from elastic_tf.report.style import ACCENT, QUIET, SECOND, Drawing, add_legend

_MARKERS = "osD^vP*X"
# Names and looks of kinds of exports.
_KINDS = {
    SELECTOR: ("selector", {"color": ACCENT, "linestyle": "-"}),
    SECOND_LOOK: ("second look", {"color": SECOND, "linestyle": "-"}),
    "fixed": ("fixed models", {"color": QUIET, "linestyle": "--"}),
}
# They were trained to be no more than that.
_OTHER_RUNS = "other networks", {"color": "#009e73", "linestyle": ":", "markerfacecolor": "none"}
# Of accuracy, below the best.
_SHOWN_POINTS = 15


def draw_times(comparisons, title=None):
    """Draws accuracy against measured time, a panel for each task and batch size.

    Args:
        comparisons: dict from task to a list of dicts of what is compared, as `benchmark --exports`
            measures them: `run`, `""` or the name of the other run that it is of; `kind`,
            `"selector"`, `"second_look"` or `"fixed"`; `runtime`, str; `accuracy`, a share;
            `ms_per_image`, a dict by batch size.
        title: str, above all; `None` for none.

    Returns:
        `Drawing`.
    """
    panels = {
        f"{task}, batch size {size}": functools.partial(_draw, rows=rows, size=size)
        for task, rows in comparisons.items()
        for size in rows[0]["ms_per_image"]
    }
    return Drawing("accuracy against time", panels, 3.4, finish=add_legend, title=title)


def _draw(axes, rows, size):
    series = {}
    for row in rows:
        name, looks = _OTHER_RUNS if row["run"] else _KINDS[row["kind"]]
        series.setdefault((name, row["runtime"]), (looks, []))[1].append(row)
    runtimes = dict.fromkeys(runtime for _, runtime in series)
    markers = dict(zip(runtimes, itertools.cycle(_MARKERS), strict=False))
    for (name, runtime), (looks, of) in series.items():
        points = [(row["ms_per_image"][size], 100 * row["accuracy"]) for row in of]
        looks = {"marker": markers[runtime], "markersize": 5} | looks
        axes.plot(*zip(*points, strict=True), **looks | {"linestyle": "none"})
        best = [points[index] for index in pareto_front(points)]
        axes.plot(*zip(*best, strict=True), label=f"{name}, {runtime}", **looks)
    axes.set_xlabel("time per image, ms")
    axes.set_ylabel("accuracy, %")
    axes.set_xlim(left=0)
    # What guesses would press all else together.
    best = 100 * max(row["accuracy"] for row in rows)
    axes.set_ylim(bottom=max(axes.get_ylim()[0], best - _SHOWN_POINTS))
    axes.grid(color=QUIET, alpha=0.25)
