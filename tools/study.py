r"""Trains every variant of a study with several seeds, and compares them in a table.

    python tools/study.py --study=tools/studies/selector_learning.toml --output_dir=runs/selector
    python tools/study.py --study=levels.toml --output_dir=runs/levels --backbone=vgg-8-16

Flags of train that are given, in a flagfile or beside it, hold for all runs, in place of those that
the study file has for all. The same command line continues a study that was interrupted; runs that
have finished are not repeated. More seeds, or another variant in the study file, add to it.
tools/study_file.py says what a study file has in it; levels.toml and initial_distribution.toml are
the ablations of the paper's supplement, and end with their figures and claims.

Every training is a process of its own and takes all cores. With --jobs above 1, give each its
share: TF_NUM_INTRAOP_THREADS=1 in front of the command, for one core each.
"""

import contextlib
import dataclasses
import functools
import importlib
import re
import sys
import time

from elastic_tf_tools import flags, processes
from elastic_tf_tools.run_folder import RunFolder
from elastic_tf_tools.study_file import read_study
from elastic_tf_tools.study_table import format_study, study_figures

from elastic_tf.files import ClaimedFolder, write_json, write_text
from elastic_tf.report import claims

RESUMES = True
_DRAWING = "elastic_tf.report.study_figures"
_SEED_FOLDER = re.compile(r"seed(0|[1-9]\d*)")


def define_flags(values):
    processes.define_training_flags(values)
    delattr(values, "seed")  # There is --seeds.
    values["output_dir"].help = "Folder for all runs, table.md, study.json."
    define = functools.partial(flags.define, values)
    define("study", None, "Study file (TOML): variants and their flags.", str, is_required=True)
    define("seeds", (0, 1, 2), "Seeds, each once.", int, low=0, is_list=True)
    define("jobs", 1, "Trainings at the same time.", int, low=1)
    define("only", None, "Variants to train, by name; all where left out.", str, is_list=True)
    define("table_only", False, "Trains nothing: the table of what has finished.", bool)


def main(values):
    processes.leave_gpus()
    table_only, jobs = values["table_only"].value, values["jobs"].value
    with contextlib.ExitStack() as held:
        with flags.one_line_errors():
            flags.check_no_arguments(values)
            study = read_study(values["study"].value, processes.given_training_flags(values))
            folder = ClaimedFolder(values["output_dir"].value, "study.json", "study")
            runs = _make_runs(study.select(values["only"].value), _seeds(values), folder.path)
            if study.figure:
                importlib.import_module(_DRAWING)  # Here, as its packages may be missing.
            folder.check({"study": study.name})
            if not table_only:
                held.enter_context(folder.locked())
                folder.claim({"study": study.name})
        for warning in study.warnings:
            sys.stderr.write(f"warning: {warning}\n")
        failures = {} if table_only else _train_runs(runs, jobs)
        with flags.one_line_errors():
            _report(study, folder)
    if failures:
        reasons = "\n".join(f"  {run}: {error}" for run, error in failures.items())
        sys.exit(f"error: {len(failures)} of {len(runs)} runs failed:\n{reasons}")


@dataclasses.dataclass(frozen=True)
class StudyRun(processes.Training):
    """One training of a study, in `<folder>/<variant>/seed<k>`.

    Beside it lie `seed<k>.log`, what it printed, and, once it has finished, `seed<k>.flags`, the
    flags it was trained with: a flagfile.

    Attributes:
        variant: str, the name.
        seed: int >= 0.
    """

    variant: str
    seed: int

    def was_recorded(self):
        """Returns whether it has finished, whatever its flags."""
        return self._record.exists() and RunFolder(self.folder).results.exists()

    def is_finished(self):
        """Returns whether it has finished, with the flags as they are now.

        Where they have changed, the training itself has to say whether it is another run by that.
        """
        return self.was_recorded() and self._record.read_text(encoding="utf-8") == self._text

    def record(self):
        """Writes down that it has finished."""
        write_text(self._record, self._text)

    def facts(self):
        """Returns the run as `elastic_tf.report.claims` takes it, a dict; with its `seed`."""
        run = RunFolder(self.folder)
        return {
            "variant": self.variant,
            "seed": self.seed,
            "settings": run.read_settings().flat(),
            "results": run.read_results(),
            "logs": run.logs,
        }

    @property
    def _record(self):
        return self.folder.with_suffix(".flags")

    @property
    def _text(self):
        return "".join(f"{flag}\n" for flag in self.flags)

    def __str__(self):
        return f"{self.variant}, seed {self.seed}"


def _make_runs(variants, seeds, folder):
    # All variants of a seed before the next seed: a study that is cut short can compare them.
    return [
        StudyRun(
            folder / variant.name / f"seed{seed}",
            (*variant.flags, f"--seed={seed}"),
            variant.name,
            seed,
        )
        for seed in seeds
        for variant in variants
    ]


def _find_runs(variants, folder):
    """Returns the `StudyRun`s that have finished, of any seed, a list by variant and seed."""
    runs = []
    for variant in variants:
        # `iterdir` and no pattern: a path may have a bracket in it.
        beside = folder / variant.name
        names = [path.name for path in beside.iterdir()] if beside.is_dir() else []
        seeds = sorted(int(match[1]) for match in map(_SEED_FOLDER.fullmatch, names) if match)
        runs += _make_runs([variant], seeds, folder)
    return [run for run in runs if run.was_recorded()]


def _train_runs(runs, jobs):
    """Trains the runs that have not finished; returns the reasons of those that failed, a dict."""
    waiting = [run for run in runs if not run.is_finished()]
    finished, failures, began = len(runs) - len(waiting), {}, time.monotonic()
    places = {run: f"[{place}/{len(runs)}]" for place, run in enumerate(waiting, finished + 1)}
    print(f"{finished} of {len(runs)} runs have finished before.", flush=True)

    def started(run):
        print(f"{places[run]} {run} starts; log: {run.log}", flush=True)

    def ended(run, minutes, error):
        place, left = places.pop(run), len(places)
        outcome = f"took {minutes:.1f} min"
        if error:
            failures[run] = error
            outcome = f"failed after {minutes:.1f} min: {error}"
        else:
            run.record()
        if left:
            per_run = (time.monotonic() - began) / 60 / (len(waiting) - left)
            outcome += f"; {left} left, about {left * per_run:.0f} min"
        print(f"{place} {run} {outcome}", flush=True)

    processes.run_all(waiting, ended, jobs, started)
    return failures


def _report(study, folder):
    """Writes and prints the table of what has finished, the figure and the verdicts."""
    found = _find_runs(study.variants, folder.path)
    finished = [run for run in found if run.is_finished()]
    for run in found:
        if run not in finished:
            print(f"Not in the table: {run}, trained with other flags than the study has now.")
    if not finished:
        print("No run has finished yet.")
        return
    facts = [run.facts() for run in finished]
    figures = study_figures(study, facts)
    write_json(folder.file, figures)
    table = format_study(figures)
    write_text(folder.path / "table.md", table)
    saved = [folder.path / "table.md", folder.file]
    print(f"\n{table}")
    if study.claims:
        print(f"{claims.judge_claims(study.claims, facts)}\n")
    if study.figure:
        drawing = importlib.import_module(_DRAWING).draw_study(study.figure, facts)
        saved.append(folder.path / f"{claims.FIGURES[study.figure]}.png")
        drawing.save(saved[-1])
    print(f"Saved: {', '.join(map(str, saved))}")


def _seeds(values):
    seeds = values["seeds"].value
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(
            "`--seeds` must be integers >= 0, each once. "
            f"Received: {flags.serialize('seeds', seeds)[2:]}"
        )
    return seeds


if __name__ == "__main__":
    flags.run(__name__)
