r"""Trains every variant of a study with several seeds, and compares them in a table.

    python tools/study.py --study=tools/studies/selector_learning.toml --output_dir=runs/selector

The same command line continues a study that was interrupted; runs that have finished are not
repeated. More seeds, or another variant in the study file, add to it. tools/studying/study_file.py
says what a study file has in it.

Every training is a process of its own and takes all cores. With --jobs above 1, give each its
share: TF_NUM_INTRAOP_THREADS=1 in front of the command, for one core each.
"""

import pathlib
import signal
import sys

from absl import app, flags

from tools.studying.run_all import run_all
from tools.studying.study_directory import StudyDirectory
from tools.studying.study_figures import study_figures
from tools.studying.study_file import read_study
from tools.studying.study_progress import StudyProgress
from tools.studying.study_runs import find_runs, make_runs
from tools.studying.study_table import format_study
from tools.user_errors import check_no_arguments, one_line_errors

FLAGS = flags.FLAGS

TRAIN = (sys.executable, str(pathlib.Path(__file__).with_name("train.py")))


def define_flags(values):
    """Adds the flags of this script to `absl.flags.FlagValues`.

    They are not defined on import, as other scripts have flags of the same names.
    """
    flags.DEFINE_string("study", None, "Study file (TOML): variants and their flags.", values)
    flags.DEFINE_string("output_dir", None, "Folder for all runs, table.md, study.json.", values)
    flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds, integers >= 0, each once.", values)
    flags.DEFINE_integer("jobs", 1, "Trainings at the same time, >= 1.", 1, flag_values=values)
    flags.DEFINE_list("only", None, "Variants to train, by name; all where left out.", values)
    flags.DEFINE_bool(
        "table_only", False, "Whether to train nothing: the table of what has finished.", values
    )


def main(argv):
    with one_line_errors():
        check_no_arguments(argv)
        for name in ("study", "output_dir"):
            if not FLAGS[name].value:
                raise ValueError(f"`--{name}` must be given. Received: {name}={FLAGS[name].value}")
        study = read_study(FLAGS.study)
        directory = StudyDirectory(FLAGS.output_dir)
        runs = make_runs(_variants(study), _seeds(), directory.path)
        if FLAGS.table_only:
            directory.check(study.name)
        else:
            directory.claim(study.name)
    failures = {} if FLAGS.table_only else _train(runs)
    with one_line_errors():
        _write_table(study, directory)
    if failures:
        reasons = "\n".join(f"  {run}: {error}" for run, error in failures.items())
        sys.exit(f"error: {len(failures)} of {len(runs)} runs failed:\n{reasons}")


def _variants(study):
    return study.variants if FLAGS.only is None else study.select(FLAGS.only)


def _seeds():
    try:
        seeds = [int(seed) for seed in FLAGS.seeds]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ValueError(
            "`--seeds` must be integers >= 0, each once. "
            f"Received: seeds={','.join(map(str, FLAGS.seeds))}"
        )
    return seeds


def _train(runs):
    """Trains the runs and returns those that failed; ends the program on Ctrl-C or SIGTERM."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run_all(runs, TRAIN, FLAGS.jobs, StudyProgress(len(runs)))
    except KeyboardInterrupt:
        print("\nStopped. The same command line continues.", flush=True)
        sys.exit(130)
    finally:
        signal.signal(signal.SIGTERM, before)


def _write_table(study, directory):
    found = find_runs(study.variants, directory.path)
    finished = [run for run in found if run.is_finished()]
    for run in found:
        if run not in finished:
            print(f"Not in the table: {run}, trained with other flags than the study has now.")
    if not finished:
        print("No run has finished yet.")
        return
    figures = study_figures(study, finished)
    table = format_study(figures)
    directory.write(figures, table)
    print(f"\n{table}\nSaved: {directory.table}, {directory.figures}")


if __name__ == "__main__":
    define_flags(FLAGS)
    app.run(main)
