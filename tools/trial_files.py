"""What a search writes of its trials: outcomes, tables, the front, the best as a flagfile.

An outcome is a dict of plain values: `trial`, `status` (`"completed"` or `"failed"`), `run` (the
name of the training), `seed`, `values`, `flags`, `until_step` (`None` for the whole training),
`minutes`; of a completed one what `Objective.measure` returns, with `is_feasible`,
`is_whole_training`, `step` and `tasks`, by name `accuracy` and `macs_share` of the selector's
choice; of a failed one `reason`.
"""

import pathlib

from elastic_tf_tools.trial_tuner import COMPLETED, FIGURES, OF_HYPERBAND

import tensorflow as tf
from tensorboard.plugins.hparams import api

from elastic_tf.evaluation.fixed_front import pareto_front
from elastic_tf.files import markdown_table, read_json, write_csv, write_json, write_text

_FACTS = ("trial", "status", *FIGURES, "is_feasible", "step", "seed", "minutes", "run")


class TrialFiles:
    """The outcomes of a search, each in a file of its own, and what is made of them.

    Args:
        path: str or path, the output directory of the search. Need not exist.
        objective: the search's `Objective`.
    """

    def __init__(self, path, objective):
        self.path = pathlib.Path(path)
        self.objective = objective
        self.runs = self.path / "runs"
        self.table = self.path / "table.md"
        self.csv = self.path / "trials.csv"
        self.front = self.path / "front.csv"
        self.plot = self.path / "front.png"
        self.best = self.path / "best.flags"

    def write(self, outcome):
        """Writes an outcome, also for TensorBoard's HParams page."""
        path = self._path(outcome["trial"])
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, outcome)
        _log_hparams(self.path / "hparams" / outcome["trial"], outcome)

    def read(self, trial):
        """Returns the outcome of a trial; `None` if there is none."""
        path = self._path(trial)
        return read_json(path) if path.exists() else None

    def ranked(self):
        """Returns all outcomes, a list: the best first, failed ones last.

        Those that were trained to their end come before all others, whose score is of an unfinished
        training, and cannot be had by training from its beginning to its end.
        """
        folder = self._path("").parent
        found = [read_json(path) for path in folder.iterdir()] if folder.is_dir() else []
        return sorted(found, key=_rank)

    def write_tables(self):
        """Writes what the trials so far amount to; returns what `ranked` does."""
        outcomes = self.ranked()
        front = _on_front(outcomes)
        write_text(self.table, _format_trials(outcomes, self.objective))
        _write_csv(self.csv, outcomes, front)
        _write_csv(self.front, front, front)
        completed = [each for each in outcomes if each["status"] == COMPLETED]
        if completed:
            from elastic_tf.report.macs_figures import draw_trials  # Of the extra `report`.

            write_text(self.best, self._format_best(completed[0]))
            title = f"For the best {self.objective.describe()}"
            draw_trials(completed, front, title, self.objective.budget).save(self.plot)
        return outcomes

    def _path(self, trial):
        return self.path / "outcomes" / f"{trial}.json"

    def _format_best(self, outcome):
        part = (
            "" if outcome["is_whole_training"] else f", of a training up to step {outcome['step']}"
        )
        tasks = "; ".join(
            f"{task} {100 * point['accuracy']:.2f} % at {100 * point['macs_share']:.1f} % MACs"
            for task, point in outcome["tasks"].items()
        )
        lines = [
            f"# Trial {outcome['trial']} of a search by tools/tune.py for the best",
            f"# {self.objective.describe()}: {outcome['score']:.4f}{part}.",
            f"# On the validation images: {tasks}",
            "# To train it again:",
            f"#   python tools/train.py --flagfile={self.best}",
            f"--output_dir={self.path / 'best'}",
            *outcome["flags"],
        ]
        return "\n".join(lines) + "\n"


def _on_front(outcomes):
    """Returns the outcomes, trained to their end, that no other beats; a list by rising MACs."""
    whole = [each for each in outcomes if each["status"] == COMPLETED and each["is_whole_training"]]
    points = [(each["macs_share"], each["accuracy"]) for each in whole]
    return [whole[index] for index in pareto_front(points)]


def _format_trials(outcomes, objective):
    """Returns a table of trials, Markdown, and why some have failed."""
    names = _value_names(outcomes)
    rows = []
    for outcome in outcomes:
        figures = ["failed", "–", "–", "–"]
        if outcome["status"] == COMPLETED:
            figures = [
                f"{outcome['score']:.4f}",
                f"{100 * outcome['accuracy']:.2f}",
                f"{100 * outcome['macs_share']:.1f}",
                str(outcome["step"]),
            ]
        values = [outcome["values"].get(name, "") for name in names]
        values = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in values]
        rows.append([outcome["trial"], *figures, *values])
    note = (
        f"Score: {objective.describe()}. Accuracy and MACs: means over tasks, on validation "
        "images; MACs with the selector's."
    )
    failed = [each for each in outcomes if each["status"] != COMPLETED]
    reasons = "\n".join(f"- trial {each['trial']} failed: {each['reason']}" for each in failed)
    table = markdown_table(["trial", "score", "accuracy %", "MACs %", "step", *names], rows)
    return "\n\n".join(filter(None, [note, table, reasons])) + "\n"


def _rank(outcome):
    rank = (2, 0)
    if outcome["status"] == COMPLETED:
        rank = (not outcome["is_whole_training"], -outcome["score"])
    # By number: with more trials KerasTuner writes it with more digits.
    return (*rank, int(outcome["trial"]))


def _write_csv(path, outcomes, front):
    """Writes trials; shares are in [0, 1] and not in %; what a trial does not have is empty."""
    columns = [*_FACTS, "is_on_front", "reason", *_value_names(outcomes), "flags"]
    rows = [
        outcome
        | outcome["values"]
        | {"is_on_front": outcome in front, "flags": " ".join(outcome["flags"])}
        for outcome in outcomes
    ]
    write_csv(path, rows, columns)


def _value_names(outcomes):
    """Returns the names of all values that are varied, a list of str in their order."""
    names = dict.fromkeys(name for outcome in outcomes for name in outcome["values"])
    return [name for name in names if not name.startswith(OF_HYPERBAND)]


def _log_hparams(folder, outcome):
    values = {name: outcome["values"][name] for name in _value_names([outcome])}
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step=outcome.get("step", 0)):
        api.hparams(values | {"seed": outcome["seed"]}, trial_id=outcome["trial"])
        if outcome["status"] == COMPLETED:
            for name in (*FIGURES, "minutes"):
                tf.summary.scalar(name, outcome[name])
    writer.close()
