"""The numbers behind the figures, as CSV files; shares are in [0, 1]."""

import csv
import os

from elastic_tf.report.routing import model_name


def write_models(path, distributions):
    """Writes figure 3 (a): a line for each model of each distribution, most used first.

    Args:
        path: path of the file.
        distributions: dict from a name to its `ChosenModels`.
    """
    _write(
        path,
        ("task", "rank", "model", "images", "share"),
        (
            (name, rank, model_name(levels), int(count), float(share))
            for name, chosen in distributions.items()
            for rank, (levels, count, share) in enumerate(
                zip(chosen.models, chosen.counts, chosen.shares, strict=True), 1
            )
        ),
    )


def write_levels(path, means):
    """Writes figure 3 (b): a line for each level of each block; blocks count from 1.

    Args:
        path: path of the file.
        means: dict from a name to a float array `(blocks, levels)` of mean probabilities.
    """
    _write(
        path,
        ("task", "block", "level", "mean_probability"),
        (
            (name, block, level, float(mean))
            for name, table in means.items()
            for block, levels in enumerate(table, 1)
            for level, mean in enumerate(levels)
        ),
    )


def write_groups(path, groups, class_names):
    """Writes figure 4: a line for each class of each model's images.

    Args:
        path: path of the file.
        groups: list of pairs of a task and a `ModelGroup` of it.
        class_names: dict from task to its list of str.
    """
    measures = ("count", "group_share", "task_share", "lift", "z")
    _write(
        path,
        ("task", "model", "images", "share", "macs_share", "accuracy", "tasks", "class", *measures),
        (
            (
                task,
                model_name(group.levels),
                len(group.images),
                group.share,
                group.macs_share,
                group.accuracy,
                " ".join(group.tasks),
                class_names[task][each["label"]],
                *(each[measure] for measure in measures),
            )
            for task, group in groups
            for each in group.classes
        ),
    )


def write_agreement(path, agreement):
    """Writes how far every two tasks choose alike.

    Args:
        path: path of the file.
        agreement: dict from a pair of tasks to what `task_agreement` returns.
    """
    keys = ("overlap", "divergence", "shared_models")
    _write(
        path,
        ("first", "second", *keys, "mean_level_overlap"),
        (
            (*pair, *(of[key] for key in keys), sum(of["level_overlap"]) / len(of["level_overlap"]))
            for pair, of in agreement.items()
        ),
    )


def write_shared_models(path, models):
    """Writes the models that several tasks use: a line for each model and task.

    Args:
        path: path of the file.
        models: list of `SharedModel`.
    """
    _write(
        path,
        ("model", "task", "share"),
        (
            (model_name(model.levels), task, share)
            for model in models
            for task, share in model.shares.items()
        ),
    )


def _write(path, header, rows):
    """Writes a CSV file whole or not at all; what is missing is an empty field."""
    partial = f"{path}.partial"
    with open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    os.replace(partial, path)
