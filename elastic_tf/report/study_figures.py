"""Figure 2 of the supplement: the number of levels, and the initial distribution."""

import functools
import statistics

from elastic_tf.report.claims import FIGURES, by_setting, full_model_curve, selector_accuracy
from elastic_tf.report.style import ACCENT, QUIET, SECOND, Drawing, add_legend

# Told apart in print without colour too.
_LOOKS = ({"color": ACCENT}, {"color": SECOND, "ls": "--"}, {"color": QUIET, "ls": ":"})


def draw_study(figure, runs):
    """Draws a figure of finished trainings, a panel for each task.

    Args:
        figure: str, of `FIGURES`: `"levels"`, figure 2 (a): accuracy against MACs of the selector's
            choice, for each number of levels the mean over seeds with its spread; or
            `"initial_distribution"`, figure 2 (b): the full model's accuracy over the training,
            mean and extremes of the seeds, with a vertical line at the end of the initial stage.
        runs: list of dicts, see `elastic_tf.report.claims`; at least one.

    Returns:
        `Drawing`.

    Raises:
        ValueError: if there is no such figure.

    Reference: Ahn et al., 2019, supplement, figure 2.
    """
    if figure not in FIGURES:
        raise ValueError(f"`figure` must be of {', '.join(FIGURES)}. Received: {figure}")
    if figure == "levels":
        draw, value, legend = _draw_levels, _point, None
    else:
        end = runs[0]["settings"]["initial_steps"]
        draw = functools.partial(_draw_distributions, initial_steps=end)
        value, legend = full_model_curve, add_legend
    setting = "num_levels" if figure == "levels" else figure
    panels = {
        task: functools.partial(draw, found=by_setting(runs, task, setting, value))
        for task in runs[0]["results"]
    }
    return Drawing(figure.replace("_", " "), panels, height=2.8, finish=legend)


def _point(run, task):
    """Returns mean MACs per image, in millions, selector included, and accuracy, in %."""
    figures = run["results"][task]
    macs = 1e-6 * figures["macs_share"] * figures["full_macs"]
    return macs, 100 * selector_accuracy(run, task)


def _draw_levels(axes, found):
    for number, points in sorted(found.items()):
        macs, accuracies = map(list, zip(*points, strict=True))
        mean = statistics.fmean(macs), statistics.fmean(accuracies)
        axes.plot(macs, accuracies, ".", color=QUIET, markersize=4)
        axes.errorbar(*mean, _spread(accuracies), _spread(macs), "o", color=ACCENT, capsize=2)
        offset = {"textcoords": "offset points", "xytext": (6, 6), "fontsize": "small"}
        axes.annotate(f"{number} levels", mean, **offset)
    axes.margins(x=0.28, y=0.15)  # Room for the last name.
    axes.set_xlabel("MACs per image, millions")
    axes.set_ylabel("accuracy, %")


def _spread(values):
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _draw_distributions(axes, found, initial_steps):
    for (name, curves), looks in zip(found.items(), _LOOKS, strict=False):
        by_step = {}
        for curve in curves:
            for step, accuracy in curve:
                by_step.setdefault(step, []).append(100 * accuracy)
        steps = sorted(step for step, values in by_step.items() if len(values) == len(curves))
        values = [by_step[step] for step in steps]
        axes.plot(steps, [statistics.fmean(each) for each in values], label=name, **looks)
        low, high = [min(each) for each in values], [max(each) for each in values]
        axes.fill_between(steps, low, high, color=looks["color"], alpha=0.15)
    axes.axvline(initial_steps, color=QUIET, linewidth=0.8)
    axes.set_xlabel("training step")
    axes.set_ylabel("validation, full model, %")
