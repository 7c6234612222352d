"""What became of each trial, in a file of its own: flags, seed, figures, or why it failed.

KerasTuner's own files say which values were drawn; but a reason does not reach its chief from
another process, and flags are more than values.
"""

import pathlib

from elastic_tf_tools.run_directory import read_json, write_json

COMPLETED, FAILED = "completed", "failed"


class Outcomes:
    """The folder of the outcomes of a search.

    An outcome is a dict of plain values: `trial`, `status` (`"completed"` or `"failed"`), `run`
    (the name of the training), `seed`, `values`, `flags`, `until_step` (`None` for the whole
    training), `step`, `minutes`; of a completed one what `Objective.measure` returns, with
    `is_feasible`, `is_whole_training` and `tasks`, by name `accuracy` and `macs_share` of the
    selector's choice; of a failed one `reason`.

    Args:
        folder: str or path. Need not exist.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def write(self, outcome):
        """Writes an outcome, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._path(outcome["trial"]), outcome)

    def read(self, trial):
        """Returns the outcome of a trial; `None` if there is none."""
        path = self._path(trial)
        return read_json(path) if path.exists() else None

    def all(self):
        """Returns all outcomes there are, a list by trial."""
        # By number: with more trials KerasTuner writes it with more digits.
        paths = sorted(self.folder.glob("*.json"), key=lambda path: int(path.stem))
        return [read_json(path) for path in paths]

    def _path(self, trial):
        return self.folder / f"{trial}.json"


def ranked(outcomes):
    """Returns the completed outcomes, the best first.

    Those that were trained to their end come before all others, whose score is of an unfinished
    training, and cannot be had by training from its beginning to its end.

    Args:
        outcomes: list of outcomes.
    """
    completed = [outcome for outcome in outcomes if outcome["status"] == COMPLETED]
    return sorted(completed, key=lambda each: (not each["is_whole_training"], -each["score"]))
