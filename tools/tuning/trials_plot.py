"""The trials of a search as points of accuracy over MACs, with the front."""

import matplotlib
from elastic_tf_tools.tuning.trials_table import trials_on_front

from elastic_tf.report.style import ACCENT, QUIET, SECOND, STYLE, add_legend, new_figure, save_png


def write_trials_plot(path, completed, objective):
    """Writes a PNG, whole or not at all.

    Args:
        path: str or path.
        completed: list of completed outcomes, see `Outcomes`, the best first; at least one.
        objective: the search's `Objective`.
    """
    save_png(draw_trials(completed, objective), path)


def draw_trials(completed, objective):
    """Returns the `matplotlib` figure; args as of `write_trials_plot`."""
    figure, (axes,) = new_figure(1, height=3.6, width=5.2)
    front = trials_on_front(completed)
    others = [outcome for outcome in completed if outcome not in front]
    with matplotlib.rc_context(STYLE):
        if others:
            axes.plot(*_points(others), "o", color=QUIET, markersize=5, label="trials")
        if front:
            axes.plot(
                *_points(front), "o-", color=ACCENT, markersize=6, label="front: no trial is better"
            )
        axes.plot(*_points(completed[:1]), "*", color=SECOND, markersize=13, label="best score")
        if objective.macs_limit is not None:
            axes.axvline(100 * objective.macs_limit, color=QUIET, linestyle=":", label="limit")
        axes.set_xlabel("mean MACs per image, % of the full model's")
        axes.set_ylabel("accuracy on validation images, %")
        axes.set_title(f"For the best {objective.describe()}", fontsize="small")
        axes.grid(color="0.5", alpha=0.25)
    add_legend(figure, [axes], columns=4)
    return figure


def _points(outcomes):
    return (
        [100 * outcome["macs_share"] for outcome in outcomes],
        [100 * outcome["accuracy"] for outcome in outcomes],
    )
