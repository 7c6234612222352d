"""The numbers behind a report's figures as CSV, where shares are in [0, 1] and not in %."""

import numpy as np

from elastic_tf.files import write_csv
from elastic_tf.report.tables import model_name


def write_analysis_csv(folder, analysis):
    """Writes the numbers behind the figures and the table of classes; blocks count from 1.

    Args:
        folder: `pathlib.Path`.
        analysis: `Analysis`.

    Returns:
        List of the files' paths; a table without rows, as of what tasks share, has none.
    """
    shared = [pair for model in analysis.shared_groups for pair in model.items()]
    groups = [(task, group) for task, of_task in analysis.groups.items() for group in of_task]
    tables = {
        "classes": _class_rows(analysis.routings),
        "confusions": _confusion_rows(analysis.routings),
        "figure_3a_models": _model_rows(analysis.distributions),
        "figure_3b_levels": _level_rows(analysis.level_means),
        "figure_4_groups": _group_rows(groups, analysis.class_names),
        "figure_4_shared": _group_rows(shared, analysis.class_names),
        "second_look_images": _seen_rows(analysis.routings),
        "task_agreement": _agreement_rows(analysis.agreement),
        "shared_models": [
            {"model": model_name(levels), "task": task, "share": share}
            for levels, shares in analysis.shared_models.items()
            for task, share in shares.items()
        ],
    }
    tables = {folder / f"{name}.csv": rows for name, rows in tables.items() if rows}
    for path, rows in tables.items():
        write_csv(path, rows)
    return list(tables)


def _class_rows(routings):
    return [
        {
            "task": routing.task,
            "class": name,
            "images": figures["images"][label],
            "selector_accuracy": figures["selector"][label],
            "full_accuracy": figures["full"][label],
            "macs_share": figures["macs_share"][label],
        }
        for routing in routings
        for figures in [routing.class_figures]
        for label, name in enumerate(routing.class_names)
    ]


def _seen_rows(routings):
    return [
        {
            "task": routing.task,
            "image": image,
            "class": routing.class_names[routing.routed.labels[image]],
            "seen_twice": int(twice),
            "right": int(routing.seen.right[image]),
        }
        for routing in routings
        if routing.seen
        for image, twice in enumerate(routing.seen.seen_twice)
    ]


def _confusion_rows(routings):
    """Returns a row for each answer that some images of a class get: most pairs have none."""
    return [
        {
            "task": routing.task,
            "choice": choice,
            "class": routing.class_names[label],
            "answer": routing.class_names[answer],
            "images": int(counts[label, answer]),
        }
        for routing in routings
        for choice, counts in routing.confusions.items()
        for label, answer in np.argwhere(counts)
    ]


def _model_rows(distributions):
    return [
        {
            "task": name,
            "rank": rank,
            "model": model_name(levels),
            "images": int(count),
            "share": float(count / chosen.counts.sum()),
        }
        for name, chosen in distributions.items()
        for rank, (levels, count) in enumerate(zip(chosen.models, chosen.counts, strict=True), 1)
    ]


def _level_rows(level_means):
    return [
        {"task": name, "block": block + 1, "level": level, "mean_probability": float(mean)}
        for name, means in level_means.items()
        for (block, level), mean in np.ndenumerate(means)
    ]


def _group_rows(groups, class_names):
    return [
        {
            "task": task,
            "model": model_name(group.levels),
            "images": len(group.images),
            "share": group.share,
            "macs_share": group.macs_share,
            "accuracy": group.accuracy,
            "tasks": " ".join(group.tasks),
            "class": class_names[task][each["label"]],
            **{key: value for key, value in each.items() if key != "label"},
        }
        for task, group in groups
        for each in group.classes
    ]


def _agreement_rows(agreement):
    return [
        {"first": first, "second": second}
        | {key: value for key, value in of.items() if key != "level_overlap"}
        | {"mean_level_overlap": sum(of["level_overlap"]) / len(of["level_overlap"])}
        for (first, second), of in agreement.items()
    ]
