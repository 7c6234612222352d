"""The training, stage by stage: accuracy and cost on validation images."""

from elastic_tf.training.stages import ESTIMATOR, INITIAL, SELECTOR
from tools.analyzing.figure import ACCENT, QUIET, SECOND, add_legend, in_style, new_figure

_SHADES = {INITIAL: 0.0, SELECTOR: 0.28, ESTIMATOR: 0.12}


@in_style
def draw_curves(curves, tasks, stages):
    """Draws a panel for each task; strong shade: selector stages, faint shade: estimator stages.

    Args:
        curves: dict from a figure's name to its list of `(step, value)`, of validation.
        tasks: list of str.
        stages: `StageSchedule`.

    Returns:
        `matplotlib` figure.
    """
    figure, panels = new_figure(len(tasks), height=2.8)
    for axes, task in zip(panels, tasks, strict=True):
        _draw_stages(axes, stages)
        for name, label, style in (
            ("full_accuracy", "accuracy, full model", {"color": QUIET}),
            ("accuracy", "accuracy, selector", {"color": ACCENT}),
            ("macs_share", "MACs, selector", {"color": SECOND, "linestyle": "--"}),
        ):
            steps, values = _alternation(name, curves.get(f"{task}_{name}", []), stages)
            axes.plot(steps, values, label=label, marker=".", markersize=3, **style)
        axes.set_title(task, fontsize="medium")
        axes.set_xlabel("training step")
        axes.set_ylabel("validation, %")
        axes.set_ylim(0, 105)
        axes.set_xlim(0, stages.total_steps)
    add_legend(figure, panels)
    return figure


def stage_spans(stages):
    """Returns the stages in order, a list of `(kind, first step, step after the last)`."""
    spans, start = [(INITIAL, 0, stages.initial_steps)], stages.initial_steps
    for number in range(stages.rounds):
        for kind, steps in (
            (SELECTOR, stages.selector_steps),
            (ESTIMATOR, 0 if number == stages.rounds - 1 else stages.estimator_steps),
        ):
            spans.append((kind, start, start + steps))
            start += steps
    return [span for span in spans if span[1] < span[2]]


def _draw_stages(axes, stages):
    for kind, start, stop in stage_spans(stages):
        if _SHADES[kind]:
            axes.axvspan(start, stop, color=QUIET, alpha=_SHADES[kind], linewidth=0)


def _alternation(name, points, stages):
    """Returns steps and values in %; before the alternation the selector has not been trained."""
    first = 0 if name == "full_accuracy" else stages.initial_steps + 1
    points = [(step, 100 * value) for step, value in points if step >= first]
    return [step for step, _ in points], [value for _, value in points]
