"""The classes of a group's images, against the task's."""

import numpy as np

from tools.analyzing.figure import ACCENT, QUIET, SMALL, in_style

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
