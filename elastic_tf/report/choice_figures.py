"""Figure 3 of the supplement, accuracy against cost, and the training's curves."""

import matplotlib.ticker
import numpy as np

from elastic_tf.report.routing import model_name
from elastic_tf.report.style import (
    ACCENT,
    QUIET,
    SECOND,
    SMALL,
    add_legend,
    block_ticks,
    in_style,
    new_figure,
)
from elastic_tf.training.stages import ESTIMATOR, INITIAL, SELECTOR

_NAMED = 3
_ROOM_FOR_TEXT = 1.6


@in_style
def draw_histogram(distributions):
    """Draws a panel for each distribution of models.

    Args:
        distributions: dict from a panel's title to its `ChosenModels`.

    Returns:
        `matplotlib` figure.
    """
    figure, panels = new_figure(len(distributions), height=2.7)
    for axes, (title, chosen) in zip(panels, distributions.items(), strict=True):
        _draw(axes, title, chosen)
    return figure


def _draw(axes, title, chosen):
    shares = 100 * chosen.shares
    ranks = np.arange(1, len(shares) + 1)
    # One filled outline: hundreds of single bars would be as many shapes in the page.
    axes.stairs(shares, np.arange(len(shares) + 1) + 0.5, fill=True, color=ACCENT)
    axes.axhline(100 / len(shares), color=QUIET, linestyle=":", linewidth=1)
    axes.set_xlim(0.5, max(len(shares), 10) + 0.5)
    axes.set_ylim(0, _ROOM_FOR_TEXT * shares[0])
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    axes.set_xlabel("model, most used first")
    axes.set_ylabel("images, %")
    axes.set_title(title, fontsize="medium")
    named = "\n".join(
        f"{rank}: {model_name(levels)}, {share:.1f} %"
        for rank, levels, share in list(zip(ranks, chosen.models, shares, strict=True))[:_NAMED]
    )
    noun = "model" if len(shares) == 1 else "models"
    text = f"{len(shares)} {noun} for {chosen.counts.sum():,} images\n{named}"
    axes.text(0.98, 0.96, text, transform=axes.transAxes, ha="right", va="top", fontsize=SMALL)


_MAX_BLOCKS_WITH_NUMBERS = 10


@in_style
def draw_levels(means):
    """Draws a panel for each table of mean probabilities.

    Args:
        means: dict from a panel's title to a float array `(blocks, levels)`.

    Returns:
        `matplotlib` figure.
    """
    figure, panels = new_figure(len(means), height=2.3)
    for axes, (title, of) in zip(panels, means.items(), strict=True):
        image = _draw_level_figure(axes, title, np.asarray(of))
    figure.colorbar(image, ax=panels, label="mean probability", shrink=0.9)
    return figure


def _draw_level_figure(axes, title, means):
    blocks, levels = means.shape
    image = axes.imshow(
        means.T, cmap="viridis", vmin=0, vmax=1, origin="lower", aspect="auto", rasterized=True
    )
    ticks = block_ticks(blocks)
    axes.set_xticks(ticks - 1, ticks)
    axes.set_yticks(np.arange(levels))
    axes.set_xlabel("block")
    axes.set_ylabel("level")
    axes.set_title(title, fontsize="medium")
    if blocks <= _MAX_BLOCKS_WITH_NUMBERS:
        for (block, level), mean in np.ndenumerate(means):
            colour = "black" if mean > 0.6 else "white"
            axes.text(
                block, level, f"{mean:.2f}", ha="center", va="center", color=colour, fontsize=8
            )
    return image


_CHEAP = 0.1


@in_style
def draw_tradeoff(results, curves=None):
    """Draws a panel for each task.

    Args:
        results: dict from task to what `evaluate_task` returns.
        curves: dict from task to what `budget_curve` returns; `None` for no line of budgets.

    Returns:
        `matplotlib` figure.
    """
    figure, panels = new_figure(len(results), height=2.8)
    for axes, (task, figures) in zip(panels, results.items(), strict=True):
        _draw_tradeoff_figure(axes, task, figures, (curves or {}).get(task))
    add_legend(figure, panels)
    return figure


def _draw_tradeoff_figure(axes, task, figures, curve):
    accuracy, share = figures["accuracy"], figures["macs_share"]
    fixed = [(of_level, accuracy[level]) for level, of_level in figures["fixed_macs_share"].items()]
    axes.plot(*_percent(fixed), "s:", color=QUIET, markerfacecolor="none", label="fixed levels")
    budgets = [
        (each["macs_share"], each["accuracy"]) for each in (curve or {"budgets": ()})["budgets"]
    ]
    if budgets:
        axes.plot(*_percent(budgets), "o-", color=ACCENT, markersize=4, label="selector at budgets")
    blind = [(share, accuracy["shuffled"])]
    axes.plot(*_percent(blind), "x", color=SECOND, label="its choices, shuffled")
    best = []
    if "best_fixed" in figures:
        best = [(figures["best_fixed"]["macs_share"], accuracy["best_fixed"])]
        axes.plot(*_percent(best), "D", color=QUIET, label="best fixed model found")
    chosen = [(share, accuracy["selector"])]
    axes.plot(*_percent(chosen), "*", color=SECOND, markersize=12, label="selector")
    axes.set_title(task, fontsize="medium")
    axes.set_xlabel("mean MACs, % of the full model")
    axes.set_ylabel("accuracy, %")
    axes.set_xlim(left=0)
    axes.set_ylim(*_limits([*fixed, *budgets, *blind, *best, *chosen]))


def _limits(points):
    """Returns the ends of the axis of accuracy, in %.

    Models of less than a tenth of the cost do not count: level 0 guesses, and would press all else
    together. The line to it leaves the panel.
    """
    accuracies = [100 * accuracy for share, accuracy in points if share > _CHEAP]
    low, high = min(accuracies), max(accuracies)
    margin = max(0.5, 0.08 * (high - low))
    return low - margin, high + margin


def _percent(points):
    return [100 * x for x, _ in points], [100 * y for _, y in points]


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
