"""Figure 2 (b) of the supplement: accuracy over the training, by the initial distribution."""

import statistics

from tools.analyzing.figure import ACCENT, QUIET, SECOND, add_legend, in_style, new_figure

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
            _draw(axes, name, of, style)
        axes.axvline(initial_steps, color=QUIET, linewidth=0.8)
        axes.set_title(task, fontsize="medium")
        axes.set_xlabel("training step")
        axes.set_ylabel("validation, full model, %")
    add_legend(figure, panels)
    return figure


def _draw(axes, name, of, style):
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
