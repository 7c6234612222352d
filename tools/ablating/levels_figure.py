"""Figure 2 (a) of the supplement: accuracy against network size, by the number of levels."""

import statistics

from tools.analyzing.figure import ACCENT, QUIET, in_style, new_figure


@in_style
def draw_levels_ablation(points):
    """Draws a panel for each task.

    Args:
        points: dict from task to a dict from the number of levels to a list, one per seed, of
            `(macs, accuracy)`: mean MACs per image, selector included, and a share in [0, 1].

    Returns:
        `matplotlib` figure.
    """
    figure, panels = new_figure(len(points), height=2.8)
    for axes, (task, by_number) in zip(panels, points.items(), strict=True):
        _draw(axes, task, by_number)
    return figure


def _draw(axes, task, by_number):
    for number, of in sorted(by_number.items()):
        macs, accuracies = [1e-6 * m for m, _ in of], [100 * a for _, a in of]
        x, y = statistics.fmean(macs), statistics.fmean(accuracies)
        axes.plot(macs, accuracies, ".", color=QUIET, markersize=4)
        axes.errorbar(x, y, _spread(accuracies), _spread(macs), "o", color=ACCENT, capsize=2)
        axes.annotate(
            f"{number} levels",
            (x, y),
            textcoords="offset points",
            xytext=(6, 6),
            fontsize="small",
        )
    axes.margins(x=0.28, y=0.15)  # Room for the last name.
    axes.set_title(task, fontsize="medium")
    axes.set_xlabel("MACs per image, millions")
    axes.set_ylabel("accuracy, %")


def _spread(values):
    return statistics.stdev(values) if len(values) > 1 else 0.0
