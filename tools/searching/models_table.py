"""The best fixed model for every limit as a table, for a person, and all models tried as CSV."""

import csv
import os

from elastic_tf.report.routing import model_name


def format_models(found):
    """Returns the table of every task, Markdown.

    Args:
        found: dict from task name to what was found: `num_candidates`, `tried`, `best`, `selector`;
            see tools/search_models.py.
    """
    return "\n".join(_format_task(task, each) for task, each in found.items())


def write_models_csv(path, found):
    """Writes a line for each model tried, whole or not at all; shares are in [0, 1].

    Args:
        path: str or path.
        found: see `format_models`.
    """
    columns = ("task", "levels", "macs_share", "validation_accuracy")
    partial = f"{path}.partial"
    with open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for task, each in found.items():
            for tried in sorted(each["tried"], key=lambda model: model["macs_share"]):
                writer.writerow(tried | {"task": task, "levels": model_name(tried["levels"])})
    os.replace(partial, path)


def _format_task(task, found):
    rows = [
        (f"at most {100 * best['limit']:g} %", model_name(best["levels"]), best)
        for best in found["best"]
    ]
    rows.append(("the selector's choice", "per image", found["selector"]))
    lines = "\n".join(
        f"| {name} | {model} | {100 * figures['macs_share']:.1f} | "
        f"{100 * figures['validation_accuracy']:.2f} | {100 * figures['test_accuracy']:.2f} |"
        for name, model, figures in rows
    )
    return (
        f"## {task}\n\n{len(found['tried'])} of {found['num_candidates']:,} models tried, on "
        "validation images; what was found is measured on the test split too.\n\n"
        "| MACs | model | MACs % | validation % | test % |\n| --- | --- | ---: | ---: | ---: |\n"
        f"{lines}\n"
    )
