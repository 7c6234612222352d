"""Figure 3 of the supplement, which models are chosen, and how training came to choose them."""

import functools

import matplotlib.ticker
import numpy as np

from elastic_tf.report.style import ACCENT, QUIET, SECOND, SMALL, Drawing, add_legend
from elastic_tf.report.tables import model_name
from elastic_tf.training.stages import ESTIMATOR, INITIAL, SELECTOR

_NAMED = 3
_ROOM_FOR_TEXT = 1.6
_MAX_TICKS = 10
_MAX_BLOCKS_WITH_NUMBERS = 10
_SHADES = {INITIAL: 0.0, SELECTOR: 0.28, ESTIMATOR: 0.12}
_CURVES = {
    "full_accuracy": ("accuracy, full model", {"color": QUIET}),
    "accuracy": ("accuracy, selector", {"color": ACCENT}),
    "macs_share": ("MACs, selector", {"color": SECOND, "linestyle": "--"}),
}


def block_ticks(blocks):
    """Returns the numbers of the blocks, from 1, that an axis has room to name; int array."""
    return np.arange(1, blocks + 1, 2 if blocks > _MAX_TICKS else 1)


def draw_histogram(distributions):
    """Draws a panel for each distribution of models.

    Args:
        distributions: dict from a panel's title to its `ChosenModels`.

    Returns:
        `Drawing`.

    Reference: Ahn et al., 2019, supplement, figure 3 (a).
    """
    panels = {
        title: functools.partial(_draw_histogram, chosen=chosen)
        for title, chosen in distributions.items()
    }
    return Drawing("histogram of the models chosen", panels)


def _draw_histogram(axes, chosen):
    shares = 100 * chosen.shares
    # One filled outline: hundreds of single bars would be as many shapes in the page.
    axes.stairs(shares, np.arange(len(shares) + 1) + 0.5, fill=True, color=ACCENT)
    axes.axhline(100 / len(shares), color=QUIET, linestyle=":", linewidth=1)
    axes.set_xlim(0.5, max(len(shares), 10) + 0.5)
    axes.set_ylim(0, _ROOM_FOR_TEXT * shares[0])
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    axes.set_xlabel("model, most used first")
    axes.set_ylabel("images, %")
    noun = "model" if len(shares) == 1 else "models"
    lines = [f"{len(shares)} {noun} for {chosen.counts.sum():,} images"]
    lines += [
        f"{rank}: {model_name(levels)}, {share:.1f} %"
        for rank, (levels, share) in enumerate(zip(chosen.models, shares, strict=True), 1)
    ][:_NAMED]
    text = "\n".join(lines)
    axes.text(0.98, 0.96, text, transform=axes.transAxes, ha="right", va="top", fontsize=SMALL)


def draw_levels(means):
    """Draws a panel for each table of mean probabilities.

    Args:
        means: dict from a panel's title to a float array `(blocks, levels)`.

    Returns:
        `Drawing`.

    Reference: Ahn et al., 2019, supplement, figure 3 (b).
    """
    panels = {
        title: functools.partial(_draw_levels, means=np.asarray(of)) for title, of in means.items()
    }
    name = "mean probability of each level in each block"
    return Drawing(name, panels, height=2.3, finish=_add_colour_bar)


def _add_colour_bar(figure, axes):
    figure.colorbar(axes[0].images[0], ax=axes, label="mean probability", shrink=0.9)


def _draw_levels(axes, means):
    blocks, levels = means.shape
    axes.imshow(
        means.T, cmap="viridis", vmin=0, vmax=1, origin="lower", aspect="auto", rasterized=True
    )
    ticks = block_ticks(blocks)
    axes.set_xticks(ticks - 1, ticks)
    axes.set_yticks(np.arange(levels))
    axes.set_xlabel("block")
    axes.set_ylabel("level")
    if blocks <= _MAX_BLOCKS_WITH_NUMBERS:
        for place, mean in np.ndenumerate(means):
            colour = "black" if mean > 0.6 else "white"
            axes.text(*place, f"{mean:.2f}", ha="center", va="center", color=colour, fontsize=8)


def draw_training(curves, tasks, stages):
    """Draws a panel for each task; strong shade: selector stages, faint shade: estimator stages.

    Args:
        curves: dict from a figure's name to its list of `(step, value)`, of validation.
        tasks: list of str.
        stages: `StageSchedule`.

    Returns:
        `Drawing`.
    """
    panels = {
        task: functools.partial(_draw_training, task=task, curves=curves, stages=stages)
        for task in tasks
    }
    name = "accuracy and cost over the training"
    return Drawing(name, panels, height=2.8, finish=add_legend)


def _draw_training(axes, task, curves, stages):
    for kind, start, stop in stage_spans(stages):
        if _SHADES[kind]:
            axes.axvspan(start, stop, color=QUIET, alpha=_SHADES[kind], linewidth=0)
    for name, (label, looks) in _CURVES.items():
        # Before the alternation the selector has not been trained.
        first = 0 if name == "full_accuracy" else stages.initial_steps + 1
        points = [point for point in curves.get(f"{task}_{name}", []) if point[0] >= first]
        steps, values = [step for step, _ in points], [100 * value for _, value in points]
        axes.plot(steps, values, label=label, marker=".", markersize=3, **looks)
    axes.set_xlabel("training step")
    axes.set_ylabel("validation, %")
    axes.set_ylim(0, 105)
    axes.set_xlim(0, stages.total_steps)


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
