"""The runs of a study: one training for every variant and seed, each in a folder of its own."""

import dataclasses
import pathlib
import re

from elastic_tf_tools.run_directory import RunDirectory, read_json
from elastic_tf_tools.studying.text_file import write_text

_SEED_FOLDER = re.compile(r"seed(0|[1-9]\d*)")


@dataclasses.dataclass(frozen=True)
class StudyRun:
    """One training, in `<folder>/<variant>/seed<k>`.

    Beside it lie `seed<k>.log`, what it printed, and, once it has finished, `seed<k>.flags`, the
    flags it was trained with: a flagfile.

    Attributes:
        variant: str, the name.
        seed: int >= 0.
        flags: tuple of str, `--name=value`; all but the output directory.
        folder: path of the study's output directory.
    """

    variant: str
    seed: int
    flags: tuple
    folder: pathlib.Path

    @property
    def output_dir(self):
        return self.folder / self.variant / f"seed{self.seed}"

    @property
    def log(self):
        return self.output_dir.with_suffix(".log")

    @property
    def arguments(self):
        """The command line of the training, a list of str."""
        return [*self.flags, f"--output_dir={self.output_dir}"]

    def has_results(self):
        """Returns whether a training has finished there, whatever its flags."""
        return RunDirectory(self.output_dir).results.exists()

    def is_finished(self):
        """Returns whether it has finished, with the flags as they are now.

        Where they have changed, the training itself has to say whether it is another run by that.
        """
        flagfile = self._flagfile
        return (
            self.has_results() and flagfile.exists() and flagfile.read_text() == self._flags_text()
        )

    def has_record(self):
        """Returns whether it is known with which flags it has finished."""
        return self._flagfile.exists()

    def record(self):
        """Writes down with which flags it has finished."""
        write_text(self._flagfile, self._flags_text())

    def results(self):
        """Returns `evaluate_task`'s figures for every task, a dict by name."""
        return read_json(RunDirectory(self.output_dir).results)

    @property
    def _flagfile(self):
        return self.output_dir.with_suffix(".flags")

    def _flags_text(self):
        return "".join(f"{flag}\n" for flag in self.flags)

    def __str__(self):
        return f"{self.variant}, seed {self.seed}"


def make_runs(variants, seeds, folder):
    """Returns a `StudyRun` for every variant with every seed, a list.

    All variants of a seed come before the next seed, so that a study that is cut short has
    something to compare.

    Args:
        variants: list of `Variant`.
        seeds: list of int.
        folder: str or path of the study's output directory.
    """
    return [_make_run(variant, seed, folder) for seed in seeds for variant in variants]


def find_runs(variants, folder):
    """Returns the `StudyRun`s that have results, of any seed, a list by variant and seed.

    Args: see `make_runs`.
    """
    runs = []
    for variant in variants:
        names = [path.name for path in (pathlib.Path(folder) / variant.name).glob("seed*")]
        seeds = sorted(int(match[1]) for match in map(_SEED_FOLDER.fullmatch, names) if match)
        runs += [_make_run(variant, seed, folder) for seed in seeds]
    return [run for run in runs if run.has_results()]


def _make_run(variant, seed, folder):
    flags = (*variant.flags, f"--seed={seed}")
    return StudyRun(variant.name, seed, flags, pathlib.Path(folder))
