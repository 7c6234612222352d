"""What the page's browser of single images needs: some images of every class, and their fate."""

import numpy as np

from tools.analyzing.image_sheet import data_uri, image_sheet
from tools.analyzing.model_name import model_name

_COLUMNS = 32


def browser_data(routings, per_class, full_macs):
    """Returns the images of the browser, by task.

    Args:
        routings: list of `TaskRouting`.
        per_class: int >= 1. Images of each class, at most.
        full_macs: dict from task to the MACs of its full model for one image.

    Returns:
        Dict from task to a dict of plain Python values: `sheet`, address of one image with all
        pictures; `columns`, `width`, `height`, pictures in its row and their size in pixels;
        `classes`, names; `full_macs`, int; `images`, in the order of the sheet: `index` in the
        split, `label`, `answer`, `confidence`, `model`, `macs`, a share of the full model's.
    """
    return {
        routing.task: _task_data(routing, per_class, full_macs[routing.task])
        for routing in routings
    }


def spread_over_cost(routing, label, count):
    """Returns indices of some images of a class, evenly from the cheapest to the dearest.

    Args:
        routing: `TaskRouting`.
        label: int.
        count: int >= 1. At most so many.
    """
    of_class = np.flatnonzero(routing.routed.labels == label)
    ordered = of_class[np.argsort(routing.routed.macs_share[of_class], kind="stable")]
    places = np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int)
    return [int(index) for index in ordered[places]]


def _task_data(routing, per_class, full_macs):
    routed = routing.routed
    indices = [
        index
        for label in range(len(routing.class_names))
        for index in spread_over_cost(routing, label, per_class)
    ]
    pictures = routing.pictures(indices)
    height, width, _ = pictures[0].shape
    return {
        "sheet": data_uri(image_sheet(pictures, _COLUMNS)),
        "columns": _COLUMNS,
        "width": width,
        "height": height,
        "classes": routing.class_names,
        "full_macs": int(full_macs),
        "images": [
            {
                "index": i,
                "label": int(routed.labels[i]),
                "answer": int(routed.classes[i]),
                "confidence": round(float(routed.confidence[i]), 4),
                "model": model_name(routed.levels[i]),
                "macs": round(float(routed.macs_share[i]), 4),
            }
            for i in indices
        ],
    }
