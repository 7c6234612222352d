"""Figure 4 of the supplement: the most used models of a task, drawn, with images on each."""

import matplotlib
import matplotlib.patches
import numpy as np

from tools.analyzing.figure import ACCENT, QUIET, STYLE, bare_figure
from tools.analyzing.model_groups import example_images
from tools.analyzing.model_name import model_name

_ROWS_OF_IMAGES, _COLUMNS_OF_IMAGES = 3, 8
_GAP = 0.12  # Between images, as a share of one.
_MAX_CLASSES = 12


def draw_groups(routing, groups, ratios):
    """Draws a row for each model: its channel groups by block, images on it, their classes.

    Args:
        routing: `TaskRouting`.
        groups: list of `ModelGroup` of it, at least one.
        ratios: float array `(blocks, levels)`, the share of a block's hidden channels that each
            level uses.

    Returns:
        `matplotlib` figure.
    """
    with matplotlib.rc_context(STYLE):
        figure = bare_figure(10.5, 2.3 * len(groups))
        rows = figure.subplots(
            len(groups), 3, squeeze=False, gridspec_kw={"width_ratios": (2.4, 4.4, 2.2)}
        )
    for (diagram, grid, bars), group in zip(rows, groups, strict=True):
        _draw_model(diagram, group, np.asarray(ratios))
        _draw_images(grid, routing, group)
        _draw_classes(bars, routing, group)
    return figure


def _draw_model(axes, group, ratios):
    """Draws every channel group of every block; those that the model uses are filled."""
    blocks, levels = ratios.shape
    for block in range(blocks):
        bottom = 0.0
        for level in range(levels):
            top = ratios[block, level]
            if top > bottom:
                used = level <= group.levels[block]
                axes.add_patch(
                    matplotlib.patches.Rectangle(
                        (block + 0.6, bottom),
                        0.8,
                        top - bottom,
                        facecolor=ACCENT if used else "none",
                        edgecolor=QUIET,
                        linewidth=0.8,
                    )
                )
            bottom = top
    axes.set_xlim(0.4, blocks + 0.6)
    axes.set_ylim(0, 1)
    axes.set_xticks(np.arange(1, blocks + 1))
    axes.set_yticks((0, 0.5, 1), ("0", "50", "100"))
    axes.set_xlabel("block")
    axes.set_ylabel("channels, %")
    axes.set_title(
        f"{model_name(group.levels)}: {100 * group.share:.1f} % of the images\n"
        f"{100 * group.macs_share:.0f} % of the MACs, {100 * group.accuracy:.1f} % right",
        fontsize="small",
    )


def _draw_images(axes, routing, group):
    count = _ROWS_OF_IMAGES * _COLUMNS_OF_IMAGES
    pictures = routing.pictures(example_images(routing, group, count))
    for place, picture in enumerate(pictures):
        row, column = divmod(place, _COLUMNS_OF_IMAGES)
        left, top = column * (1 + _GAP), -row * (1 + _GAP)
        is_grey = picture.shape[-1] == 1
        axes.imshow(
            picture[..., 0] if is_grey else picture,
            extent=(left, left + 1, top - 1, top),
            cmap="gray" if is_grey else None,
            vmin=0,
            vmax=255,
            interpolation="nearest",
        )
    axes.set_xlim(0, _COLUMNS_OF_IMAGES * (1 + _GAP) - _GAP)
    axes.set_ylim(-_ROWS_OF_IMAGES * (1 + _GAP) + _GAP, 0)
    axes.set_axis_off()
    shared = [task for task in group.tasks if task != routing.task]
    also = f"; much used for {', '.join(shared)} too" if shared else ""
    axes.set_title(f"{len(group.images):,} images{also}", fontsize="small")


def _draw_classes(axes, routing, group):
    """Draws the share of each class in the group, with a mark at its share in the task."""
    shown = sorted(group.classes, key=lambda each: -each["group_share"])[:_MAX_CLASSES]
    places = np.arange(len(shown))
    axes.barh(places, [100 * each["group_share"] for each in shown], color=ACCENT, height=0.7)
    task_shares = [100 * each["task_share"] for each in shown]
    axes.plot(task_shares, places, "|", color=QUIET, markersize=9, markeredgewidth=2)
    axes.set_yticks(places, [routing.class_names[each["label"]] for each in shown], fontsize=6)
    axes.invert_yaxis()
    axes.set_xlabel("images, %; mark: in the task", fontsize="small")
    axes.tick_params(axis="x", labelsize=6)
