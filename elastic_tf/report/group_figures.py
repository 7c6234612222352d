"""Figure 4 of the supplement: the most used models, drawn, with images on each."""

import functools

import numpy as np
from PIL import Image

from elastic_tf.report.choice_figures import block_ticks
from elastic_tf.report.style import ACCENT, QUIET, SMALL, Drawing
from elastic_tf.report.tables import model_name

# Inches: three side by side are as wide as a laptop's page, and one is no wider than a phone.
_WIDTH, _HEIGHT = 3.3, 2.5
_ROWS, _COLUMNS = 4, 6
_GAP = 0.1  # Between images, as a share of one.
_MAX_SIDE = 64  # Pixels: more cannot be seen at this size, and would fill the page.
_MAX_CLASSES, _TYPICAL = 12, 3
_SEED = 0


def draw_group(routing, group, ratios, title=None):
    """Draws a model, images on it, and their classes, side by side.

    Args:
        routing: `TaskRouting`.
        group: `ModelGroup` of it.
        ratios: float array `(blocks, levels)`, the share of a block's hidden channels that each
            level uses.
        title: str, said before the model's name; `None` for nothing.

    Returns:
        `Drawing`.

    Reference: Ahn et al., 2019, supplement, figure 4.
    """
    name = model_name(group.levels)
    whose = f"{title}, model {name}" if title else f"model {name}"
    cost = f"{100 * group.share:.1f} % of the images, {100 * group.macs_share:.0f} % of the MACs"
    others = [task for task in group.tasks if task != routing.task]
    also = f"\nmuch used for {', '.join(others)} too" if others else ""
    panels = {
        "channels that run": functools.partial(
            _draw_model, levels=group.levels, ratios=ratios, title=f"{title or name}\n{cost}"
        ),
        "images": _images_panel(routing, group, f"{_shown(group)}{also}"),
        "classes": functools.partial(_draw_classes, group=group, class_names=routing.class_names),
    }
    most_above_chance = sorted(group.classes, key=lambda each: -each["z"])[:_TYPICAL]
    typical = [
        f"{routing.class_names[each['label']]}: {100 * each['group_share']:.0f} % of its images, "
        f"{each['lift']:.1f} times the task's share"
        for each in most_above_chance
        if each["z"] > 0
    ]
    caption = f"{whose.capitalize()}. {'; '.join(typical) or 'no class more than the others'}."
    label = f"{whose}, {routing.task}"
    return Drawing(label, panels, _HEIGHT, _WIDTH, columns=3, caption=caption)


def draw_shared_group(model, ratios, routings):
    """Draws a shared model, then images of every task on it, side by side.

    Args:
        model: dict from task to the `ModelGroup` of its images on the model.
        ratios: see `draw_group`.
        routings: list of `TaskRouting`.

    Returns:
        `Drawing`, with an empty place for a task without images on the model.
    """
    levels = next(iter(model.values())).levels
    name = model_name(levels)
    panels = {
        "channels that run": functools.partial(
            _draw_model, levels=levels, ratios=ratios, title=name
        )
    }
    for routing in routings:
        group = model.get(routing.task)
        panels[routing.task] = group and _images_panel(
            routing,
            group,
            f"{routing.task}: {100 * group.share:.1f} % of its images\n{_shown(group)}",
        )
    return Drawing(f"shared model {name}", panels, _HEIGHT, _WIDTH, columns=len(panels))


def _shown(group):
    """Returns how many of a group's images are drawn, and how often its answer is right, str."""
    shown = min(_ROWS * _COLUMNS, len(group.images))
    return f"{shown} of {len(group.images):,} images, {100 * group.accuracy:.1f} % right"


def _draw_model(axes, levels, ratios, title):
    """Draws every channel group of every block; those that the model uses are filled."""
    places, bottom = np.arange(1, len(levels) + 1), np.zeros(len(levels))
    for level, top in enumerate(np.asarray(ratios).T):
        colours = [ACCENT if level <= chosen else "none" for chosen in levels]
        if (top > bottom).any():
            axes.bar(places, top - bottom, 0.8, bottom, color=colours, ec=QUIET, linewidth=0.8)
        bottom = top
    axes.set_xlim(0.4, len(levels) + 0.6)
    axes.set_ylim(0, 1)
    axes.set_xticks(block_ticks(len(levels)))
    axes.set_yticks((0, 0.5, 1), ("0", "50", "100"))
    axes.set_xlabel("block")
    axes.set_ylabel("channels, %")
    axes.set_title(title, fontsize=SMALL)


def _draw_classes(axes, group, class_names):
    """Draws the share of each class in the group, with a mark at its share in the task."""
    shown = sorted(group.classes, key=lambda each: -each["group_share"])[:_MAX_CLASSES]
    places = np.arange(len(shown))
    axes.barh(places, [100 * each["group_share"] for each in shown], color=ACCENT, height=0.7)
    task_shares = [100 * each["task_share"] for each in shown]
    axes.plot(task_shares, places, "|", color=QUIET, markersize=9, markeredgewidth=2)
    axes.set_yticks(places, [class_names[each["label"]] for each in shown])
    axes.tick_params(labelsize=SMALL)
    axes.invert_yaxis()
    axes.set_xlabel("images, %; mark: in the task", fontsize=SMALL)
    axes.set_title("")


def _images_panel(routing, group, title):
    """Returns the panel of up to 24 of a group's images, as `example_images` takes them."""
    shown = example_images(routing.routed.labels, group.images, _ROWS * _COLUMNS)
    pictures = routing.pictures(shown)
    side = max(pictures[0].shape[:2])
    small = [Image.fromarray(np.squeeze(each)).reduce(-(-side // _MAX_SIDE)) for each in pictures]
    gap = max(1, round(_GAP * max(small[0].size)))
    grid = picture_grid(small, _COLUMNS, gap, rows=_ROWS)

    def draw(axes):
        # In a page the pixels themselves are kept, to be enlarged there.
        axes.imshow(grid, interpolation="none")
        axes.set_axis_off()
        axes.set_title(title, fontsize=SMALL)

    return draw


def example_images(labels, group, count):
    """Returns indices of images that show a group as it is, at most so many.

    Every class has its share of them, as near as whole numbers come to it (largest remainder); of
    a class they are drawn at random, the same at every call. The most frequent class comes first.

    Args:
        labels: int array `(images,)`, of all.
        group: int array, indices of the images in the group; at least one.
        count: int >= 1.

    Returns:
        List of int.
    """
    labels, group = np.asarray(labels), np.asarray(group)
    sizes = np.bincount(labels[group])
    places = _places(sizes, min(count, len(group)))
    random = np.random.default_rng(_SEED)
    found = []
    for label in np.argsort(-sizes, kind="stable"):
        of_class = group[labels[group] == label]
        found += sorted(random.permutation(of_class)[: places[label]])
    return [int(index) for index in found]


def _places(sizes, count):
    """Shares out places in proportion to sizes; returns an int array that adds up to `count`."""
    quotas = count * sizes / sizes.sum()
    places = np.floor(quotas).astype(int)
    # The larger class of two with the same remainder.
    by_remainder = np.lexsort((-sizes, places - quotas))
    places[by_remainder[: count - places.sum()]] += 1
    return places


def picture_grid(pictures, columns, gap=0, rows=None, mode="RGBA"):
    """Puts pictures of one size into a grid.

    Args:
        pictures: list of `PIL.Image.Image`, at least one.
        columns: int >= 1. Pictures in a row; the last may have fewer.
        gap: int >= 0, pixels between pictures.
        rows: int >= 1; `None` for as many as are needed.
        mode: str, the grid's mode of colours; in `"RGBA"` gaps and empty places are transparent.

    Returns:
        `PIL.Image.Image`.
    """
    right, down = (side + gap for side in pictures[0].size)
    rows = rows or -(-len(pictures) // columns)
    grid = Image.new(mode, (columns * right - gap, rows * down - gap))
    for place, picture in enumerate(pictures):
        grid.paste(picture, (place % columns * right, place // columns * down))
    return grid
