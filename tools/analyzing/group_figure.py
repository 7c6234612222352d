"""Figure 4 of the supplement: the most used models of a task, drawn, with images on each."""

import functools

import numpy as np

from tools.analyzing.class_bars import draw_classes
from tools.analyzing.image_grid import COLUMNS, ROWS, draw_images
from tools.analyzing.model_diagram import draw_model
from tools.analyzing.model_name import model_name


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
