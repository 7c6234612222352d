"""Figure 2 of the supplement: the number of levels, and the initial distribution."""

import statistics

from elastic_tf.report.style import ACCENT, QUIET, SECOND, add_legend, in_style, new_figure


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


# Told apart in print without colour too.
_STYLES = ({"color": ACCENT}, {"color": SECOND, "ls": "--"}, {"color": QUIET, "ls": ":"})


@in_style
def draw_distributions_ablation(curves, initial_steps):
    """Draws a panel for each task; the vertical line is the end of the initial stage.

    Args:
        curves: dict from task to a dict from the distribution to a list, one per seed, of lists of
            `(step, accuracy)`: the full model's on validation images, a share in [0, 1].
        initial_steps: int, of the initial stage.

    Returns:
        `matplotlib` figure.
    """
    figure, panels = new_figure(len(curves), height=2.8)
    for axes, (task, by_name) in zip(panels, curves.items(), strict=True):
        for (name, of), style in zip(by_name.items(), _STYLES, strict=False):
            _draw_distributions_figure(axes, name, of, style)
        axes.axvline(initial_steps, color=QUIET, linewidth=0.8)
        axes.set_title(task, fontsize="medium")
        axes.set_xlabel("training step")
        axes.set_ylabel("validation, full model, %")
    add_legend(figure, panels)
    return figure


def _draw_distributions_figure(axes, name, of, style):
    """Draws the mean over seeds, and the range between their extremes."""
    by_step = {}
    for curve in of:
        for step, accuracy in curve:
            by_step.setdefault(step, []).append(100 * accuracy)
    steps = sorted(step for step, values in by_step.items() if len(values) == len(of))
    values = [by_step[step] for step in steps]
    axes.plot(steps, [statistics.fmean(each) for each in values], label=name, **style)
    axes.fill_between(
        steps, list(map(min, values)), list(map(max, values)), color=style["color"], alpha=0.15
    )
