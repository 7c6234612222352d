"""Figure 4 of the supplement: the most used models, drawn, with images on each."""

import functools

import matplotlib.patches
import numpy as np

from elastic_tf.report.routing import model_name
from elastic_tf.report.style import ACCENT, QUIET, SMALL, block_ticks, in_style


@in_style
def draw_model(axes, levels, ratios, title):
    """Draws every channel group of every block; those that the model uses are filled.

    Args:
        axes: `matplotlib` axes.
        levels: sequence of int, one per block.
        ratios: float array `(blocks, levels)`, the share of a block's hidden channels that each
            level uses.
        title: str.
    """
    blocks, num_levels = ratios.shape
    for block in range(blocks):
        bottom = 0.0
        for level in range(num_levels):
            top = ratios[block, level]
            if top > bottom:
                axes.add_patch(
                    matplotlib.patches.Rectangle(
                        (block + 0.6, bottom),
                        0.8,
                        top - bottom,
                        facecolor=ACCENT if level <= levels[block] else "none",
                        edgecolor=QUIET,
                        linewidth=0.8,
                    )
                )
            bottom = top
    axes.set_xlim(0.4, blocks + 0.6)
    axes.set_ylim(0, 1)
    axes.set_xticks(block_ticks(blocks))
    axes.set_yticks((0, 0.5, 1), ("0", "50", "100"))
    axes.set_xlabel("block")
    axes.set_ylabel("channels, %")
    axes.set_title(title, fontsize=SMALL)


_MAX_CLASSES = 12


@in_style
def draw_classes(axes, group, class_names):
    """Draws the share of each class in the group, with a mark at its share in the task.

    Args:
        axes: `matplotlib` axes.
        group: `ModelGroup`.
        class_names: list of str.
    """
    shown = sorted(group.classes, key=lambda each: -each["group_share"])[:_MAX_CLASSES]
    places = np.arange(len(shown))
    axes.barh(places, [100 * each["group_share"] for each in shown], color=ACCENT, height=0.7)
    task_shares = [100 * each["task_share"] for each in shown]
    axes.plot(task_shares, places, "|", color=QUIET, markersize=9, markeredgewidth=2)
    axes.set_yticks(places, [class_names[each["label"]] for each in shown])
    axes.tick_params(labelsize=SMALL)
    axes.invert_yaxis()
    axes.set_xlabel("images, %; mark: in the task", fontsize=SMALL)


_SEED = 0


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


ROWS, COLUMNS = 4, 6
_GAP = 0.1  # Between images, as a share of one.
_MAX_SIDE = 64  # Pixels: more cannot be seen at this size, and would fill the page.


@in_style
def draw_images(axes, routing, group, title):
    """Draws up to `ROWS * COLUMNS` of a group's images, as `example_images` takes them.

    Args:
        axes: `matplotlib` axes.
        routing: `TaskRouting`.
        group: `ModelGroup` of it.
        title: str.
    """
    shown = example_images(routing.routed.labels, group.images, ROWS * COLUMNS)
    # In a page the pixels themselves are kept, to be enlarged there.
    pictures = [shrunk(picture) for picture in routing.pictures(shown)]
    axes.imshow(grid_pixels(pictures), interpolation="none")
    axes.set_axis_off()
    axes.set_title(title, fontsize=SMALL)


def grid_pixels(pictures):
    """Puts pictures of one size into a grid whose gaps, and empty places, are transparent.

    Args:
        pictures: list of uint8 arrays `(height, width, channels)`, 1 to `ROWS * COLUMNS`; 1 or 3
            channels.

    Returns:
        uint8 array `(rows, columns, 4)` of pixels, red, green, blue and opacity.
    """
    height, width, _ = pictures[0].shape
    gap = max(1, round(_GAP * max(height, width)))
    down, right = height + gap, width + gap
    pixels = np.zeros((ROWS * down - gap, COLUMNS * right - gap, 4), np.uint8)
    for place, picture in enumerate(pictures):
        top, left = place // COLUMNS * down, place % COLUMNS * right
        at = pixels[top : top + height, left : left + width]
        at[..., :3], at[..., 3] = picture, 255
    return pixels


def shrunk(picture):
    """Returns a picture of at most 64 pixels a side: the means of squares, or itself.

    Args:
        picture: uint8 array `(height, width, channels)`.
    """
    height, width, channels = picture.shape
    factor = -(-max(height, width) // _MAX_SIDE)
    if factor == 1:
        return picture
    height, width = height // factor, width // factor
    squares = picture[: height * factor, : width * factor].reshape(
        height, factor, width, factor, channels
    )
    return squares.mean(axis=(1, 3)).round().astype(np.uint8)


def group_row(routing, group, ratios):
    """Returns a model's row of panels: its channel groups by block, images on it, their classes.

    Args:
        routing: `TaskRouting`.
        group: `ModelGroup` of it.
        ratios: float array `(blocks, levels)`, the share of a block's hidden channels that each
            level uses.

    Returns:
        List of functions, as `draw_rows` takes it.
    """
    title = (
        f"{model_name(group.levels)}\n{100 * group.share:.1f} % of the images, "
        f"{100 * group.macs_share:.0f} % of the MACs"
    )
    others = [task for task in group.tasks if task != routing.task]
    also = f"\nmuch used for {', '.join(others)} too" if others else ""
    return [
        functools.partial(draw_model, levels=group.levels, ratios=np.asarray(ratios), title=title),
        functools.partial(
            draw_images, routing=routing, group=group, title=f"{shown_images(group)}{also}"
        ),
        functools.partial(draw_classes, group=group, class_names=routing.class_names),
    ]


def shared_row(model, ratios, routings):
    """Returns a shared model's row of panels: its channel groups, then images of every task.

    Args:
        model: dict from task to the `ModelGroup` of its images on the model.
        ratios: see `group_row`.
        routings: list of `TaskRouting`.

    Returns:
        List of functions, as `draw_rows` takes it: `None` for a task without images on the model.
    """
    levels = next(iter(model.values())).levels
    return [
        functools.partial(
            draw_model, levels=levels, ratios=np.asarray(ratios), title=model_name(levels)
        ),
        *(
            functools.partial(
                draw_images,
                routing=routing,
                group=model[routing.task],
                title=f"{routing.task}: {100 * model[routing.task].share:.1f} % of its images\n"
                f"{shown_images(model[routing.task])}",
            )
            if routing.task in model
            else None
            for routing in routings
        ),
    ]


def shown_images(group):
    """Returns how many of a group's images are drawn, and how often its answer is right, str."""
    shown = min(ROWS * COLUMNS, len(group.images))
    return f"{shown} of {len(group.images):,} images, {100 * group.accuracy:.1f} % right"
