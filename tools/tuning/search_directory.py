"""The output directory of a search: whose it is, and what is written into it."""

import pathlib

from elastic_tf_tools.run_directory import read_json, write_json
from elastic_tf_tools.studying.text_file import write_text
from elastic_tf_tools.tuning.best_flags import format_best_flags
from elastic_tf_tools.tuning.outcomes import Outcomes, ranked
from elastic_tf_tools.tuning.trials_plot import write_trials_plot
from elastic_tf_tools.tuning.trials_table import format_trials, write_trials_csv


class SearchDirectory:
    """Files of one search.

    `search.json` (what is searched), `best.flags` (the best trial, for tools/train.py), `table.md`,
    `trials.csv`, `front.csv` and `front.png` (what no other trial beats); folders `search`
    (KerasTuner's own files), `outcomes` (a file for each trial), `runs` (the trainings) and
    `hparams` (for TensorBoard).

    Args:
        path: str or path. Need not exist.
    """

    TRIALS = "search"

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.search = self.path / "search.json"
        self.best = self.path / "best.flags"
        self.table = self.path / "table.md"
        self.csv = self.path / "trials.csv"
        self.front = self.path / "front.csv"
        self.plot = self.path / "front.png"
        self.runs = self.path / "runs"
        self.hparams = self.path / "hparams"
        self.outcomes = Outcomes(self.path / "outcomes")

    def check(self, search):
        """Checks that the directory is free for a search, or already its own.

        Args:
            search: dict of plain values, everything that decides which trials there are.

        Raises:
            FileExistsError: if the directory holds something else.
        """
        if self.search.exists():
            found = read_json(self.search)
            changed = sorted(key for key in search if search[key] != found.get(key))
            if changed:
                self._refuse(f"whose search differs in {', '.join(changed)}")
        elif self.path.is_file() or (self.path.is_dir() and any(self.path.iterdir())):
            self._refuse("which holds other files")

    def claim(self, search):
        """Makes the directory the search's own, or finds that it is already; as `check`."""
        self.check(search)
        if not self.search.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(self.search, search)

    def write_tables(self, objective):
        """Writes what the trials so far amount to, each file whole or not at all.

        Args:
            objective: the search's `Objective`.

        Returns:
            The outcomes, the best first, failed ones last; a list.
        """
        outcomes = self.outcomes.all()
        best = ranked(outcomes)
        rows = best + [outcome for outcome in outcomes if outcome not in best]
        write_text(self.table, format_trials(rows, objective))
        write_trials_csv(self.csv, self.front, rows)
        if best:
            write_text(self.best, format_best_flags(best[0], objective, self.path))
            write_trials_plot(self.plot, best, objective)
        return rows

    def _refuse(self, reason):
        raise FileExistsError(
            "`--output_dir` must be new, empty, or hold the same search. Received: "
            f"output_dir={self.path}, {reason}"
        )
