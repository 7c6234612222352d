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

import dataclasses
import importlib
import pathlib
import re
import sys
import time

from absl import flags as absl_flags
from elastic_tf_tools import flags, processes
from elastic_tf_tools.run_folder import RunFolder
from elastic_tf_tools.study_file import read_study
from elastic_tf_tools.study_table import format_study, study_figures

from elastic_tf.files import ClaimedFolder, read_json, write_json, write_text
from elastic_tf.report import claims

_DRAWING = "elastic_tf.report.study_figures"
_SEED_FOLDER = re.compile(r"seed(0|[1-9]\d*)")


def define_flags(values):
    processes.define_training_flags(values)
    delattr(values, "seed")  # There is --seeds.
    values["output_dir"].help = "Folder for all runs, table.md, study.json."
    own = {"flag_values": values, "module_name": "command"}
    absl_flags.DEFINE_string("study", None, "Study file (TOML): variants and their flags.", **own)
    absl_flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds, integers >= 0, each once.", **own)
    absl_flags.DEFINE_integer("jobs", 1, "Trainings at the same time, >= 1.", 1, **own)
    absl_flags.DEFINE_list("only", None, "Variants to train, by name; all where left out.", **own)
    absl_flags.DEFINE_bool(
        "table_only", False, "Whether to train nothing: the table of what has finished.", **own
    )
    absl_flags.mark_flag_as_required("study", values)


def main(values):
    with flags.one_line_errors():
        flags.check_no_arguments(values)
        study = read_study(values["study"].value, processes.given_training_flags(values))
        folder = ClaimedFolder(values["output_dir"].value, "study.json", "study")
        seeds = _seeds(values)
        runs = make_runs(study.select(values["only"].value), seeds, folder.path)
        if study.figure:
            importlib.import_module(_DRAWING)  # Here, as its packages may be missing.
        claim = folder.check if values["table_only"].value else folder.claim
        claim({"study": study.name})
    for warning in study.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    failures = {} if values["table_only"].value else train_runs(runs, values["jobs"].value)
    with flags.one_line_errors():
        report(study, folder)
    if failures:
        reasons = "\n".join(f"  {run}: {error}" for run, error in failures.items())
        sys.exit(f"error: {len(failures)} of {len(runs)} runs failed:\n{reasons}")


@dataclasses.dataclass(frozen=True)
class StudyRun:
    """One training of a study, in `<folder>/<variant>/seed<k>`.

    Beside it lie `seed<k>.log`, what it printed, and, once it has finished, `seed<k>.flags`, the
    flags it was trained with: a flagfile.

    Attributes:
        variant: str, the name.
        seed: int >= 0.
        training: its `processes.Training`.
    """

    variant: str
    seed: int
    training: processes.Training

    def is_finished(self):
        """Returns whether it has finished, with the flags as they are now.

        Where they have changed, the training itself has to say whether it is another run by that.
        """
        return self.was_recorded() and self.record.read_text(encoding="utf-8") == self.flags_text

    def was_recorded(self):
        """Returns whether it has finished, whatever its flags."""
        return self.record.exists() and RunFolder(self.training.folder).results.exists()

    @property
    def record(self):
        return self.training.folder.with_suffix(".flags")

    @property
    def flags_text(self):
        return "".join(f"{flag}\n" for flag in self.training.flags)

    def results(self):
        """Returns the figures of every task, a dict by name."""
        return read_json(RunFolder(self.training.folder).results)

    def facts(self):
        """Returns the run as `elastic_tf.report.claims` takes it, a dict."""
        run = RunFolder(self.training.folder)
        return {
            "variant": self.variant,
            "settings": run.read_settings().flat(),
            "results": self.results(),
            "logs": run.logs,
        }

    def __str__(self):
        return f"{self.variant}, seed {self.seed}"


def make_runs(variants, seeds, folder):
    """Returns a `StudyRun` for every variant with every seed, a list.

    All variants of a seed come before the next seed, so that a study that is cut short has
    something to compare.

    Args:
        variants: list of `Variant`.
        seeds: list of int.
        folder: path of the study's output directory.
    """
    return [_make_run(variant, seed, folder) for seed in seeds for variant in variants]


def find_runs(variants, folder):
    """Returns the `StudyRun`s that have finished, of any seed, a list by variant and seed."""
    runs = []
    for variant in variants:
        # `iterdir` and no pattern: a path may have a bracket in it.
        beside = pathlib.Path(folder) / variant.name
        names = [path.name for path in beside.iterdir()] if beside.is_dir() else []
        seeds = sorted(int(match[1]) for match in map(_SEED_FOLDER.fullmatch, names) if match)
        runs += [_make_run(variant, seed, folder) for seed in seeds]
    return [run for run in runs if run.was_recorded()]


def train_runs(runs, jobs):
    """Trains the runs that have not finished, and says how it goes.

    Args:
        runs: list of `StudyRun`.
        jobs: int >= 1. How many run at the same time.

    Returns:
        Dict from the runs that failed to the reason, a str.
    """
    waiting = {run.training: run for run in runs if not run.is_finished()}
    finished, failures, starts = len(runs) - len(waiting), {}, {}
    print(f"{finished} of {len(runs)} runs have finished before.", flush=True)
    began = time.monotonic()

    def started(training):
        starts[training] = finished + len(starts) + 1, time.monotonic()
        place = f"[{starts[training][0]}/{len(runs)}] {waiting[training]}"
        print(f"{place} starts; log: {training.log}", flush=True)

    def ended(training, error):
        run, (place, start), now = waiting.pop(training), starts[training], time.monotonic()
        outcome = f"failed after {(now - start) / 60:.1f} min: {error}"
        if error:
            failures[run] = error
        else:
            write_text(run.record, run.flags_text)
            outcome = f"took {(now - start) / 60:.1f} min"
        trained = len(runs) - finished - len(waiting)
        minutes = len(waiting) * (now - began) / 60 / trained
        left = f"; {len(waiting)} left, about {minutes:.0f} min" if waiting else ""
        print(f"[{place}/{len(runs)}] {run} {outcome}{left}", flush=True)

    with processes.stoppable():
        processes.run_all(list(waiting), jobs, started, ended)
    return failures


def report(study, folder):
    """Writes and prints the table of what has finished, the figure and the verdicts.

    Args:
        study: `Study`.
        folder: its `ClaimedFolder`.
    """
    found = find_runs(study.variants, folder.path)
    finished = [run for run in found if run.is_finished()]
    for run in found:
        if run not in finished:
            print(f"Not in the table: {run}, trained with other flags than the study has now.")
    if not finished:
        print("No run has finished yet.")
        return
    figures = study_figures(study, finished)
    write_json(folder.file, figures)
    table = format_study(figures)
    write_text(folder.path / "table.md", table)
    saved = [folder.path / "table.md", folder.file]
    print(f"\n{table}")
    facts = [run.facts() for run in finished] if study.figure or study.claims else []
    if study.claims:
        print(f"{claims.judge_claims(study.claims, facts)}\n")
    if study.figure:
        drawing = importlib.import_module(_DRAWING).draw_study(study.figure, facts)
        saved.append(folder.path / f"{claims.FIGURES[study.figure]}.png")
        drawing.save(saved[-1])
    print(f"Saved: {', '.join(map(str, saved))}")


def _make_run(variant, seed, folder):
    path = pathlib.Path(folder) / variant.name / f"seed{seed}"
    training = processes.Training(path, (*variant.flags, f"--seed={seed}"))
    return StudyRun(variant.name, seed, training)


def _seeds(values):
    texts = values["seeds"].value
    seeds = [int(text) for text in texts if text.isdecimal()]
    if not texts or len(set(seeds)) < len(texts):
        raise ValueError(
            f"`--seeds` must be integers >= 0, each once. Received: seeds={','.join(texts)}"
        )
    return seeds


if __name__ == "__main__":
    flags.run(__name__)
