"""The trials of a search as a table, for a person, and as CSV."""

import csv
import os

from elastic_tf_tools.tuning.outcomes import COMPLETED

from elastic_tf.evaluation.fixed_models import pareto_front

_FIGURES = ("score", "accuracy", "macs_share", "hypervolume")
_FACTS = ("trial", "status", *_FIGURES, "is_feasible", "step", "seed", "minutes", "run")
# KerasTuner's own, which say how Hyperband has come to a trial.
_OF_HYPERBAND = "tuner/"


def format_trials(outcomes, objective):
    """Returns the table, Markdown.

    Args:
        outcomes: list of outcomes, see `Outcomes`, the best first.
        objective: the search's `Objective`.
    """
    names = value_names(outcomes)
    titles = ["trial", "score", "accuracy %", "MACs %", "step", *names]
    lines = [titles, ["---"] * len(titles)]
    for outcome in outcomes:
        values = [_format(outcome["values"].get(name, "")) for name in names]
        lines.append([outcome["trial"], *_figures(outcome), *values])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    failed = [each for each in outcomes if each["status"] != COMPLETED]
    reasons = "".join(f"- trial {each['trial']} failed: {each['reason']}\n" for each in failed)
    note = (
        "Score: " + objective.describe() + ". Accuracy and MACs: means over tasks, on validation "
        "images; MACs with the selector's."
    )
    return "\n\n".join(filter(None, [note, table, reasons.rstrip()])) + "\n"


def write_trials_csv(path, front_path, outcomes):
    """Writes all trials, and those on the front of accuracy against MACs, each file whole.

    Shares are in [0, 1] and not in %; what a trial does not have is empty.

    Args:
        path, front_path: str or path.
        outcomes: list of outcomes.
    """
    front = trials_on_front(outcomes)
    _write(path, outcomes, front)
    _write(front_path, front, front)


def trials_on_front(outcomes):
    """Returns the outcomes, trained to their end, that no other beats; a list by rising MACs."""
    whole = [each for each in outcomes if each["status"] == COMPLETED and each["is_whole_training"]]
    points = [(each["macs_share"], each["accuracy"]) for each in whole]
    return [whole[index] for index in pareto_front(points)]


def value_names(outcomes):
    """Returns the names of all values that are varied, a list of str in their order."""
    names = dict.fromkeys(name for outcome in outcomes for name in outcome["values"])
    return [name for name in names if not name.startswith(_OF_HYPERBAND)]


def _figures(outcome):
    if outcome["status"] != COMPLETED:
        return ["failed", "–", "–", "–"]
    return [
        f"{outcome['score']:.4f}",
        f"{100 * outcome['accuracy']:.2f}",
        f"{100 * outcome['macs_share']:.1f}",
        str(outcome["step"]),
    ]


def _format(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _write(path, outcomes, front):
    names = value_names(outcomes)
    columns = [*_FACTS, "is_on_front", "reason", *names, "flags"]
    partial = f"{path}.partial"
    with open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for outcome in outcomes:
            own = {"is_on_front": outcome in front, "flags": " ".join(outcome["flags"])}
            writer.writerow(outcome | outcome["values"] | own)
    os.replace(partial, path)
