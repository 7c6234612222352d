"""A study from its runs to its table, whichever command it belongs to."""

import pathlib
import signal
import sys

from elastic_tf_tools.studying.run_all import run_all
from elastic_tf_tools.studying.study_figures import study_figures
from elastic_tf_tools.studying.study_progress import StudyProgress
from elastic_tf_tools.studying.study_runs import find_runs
from elastic_tf_tools.studying.study_table import format_study

TRAIN = (sys.executable, str(pathlib.Path(__file__).parents[1] / "train.py"))


def parse_seeds(texts):
    """Returns the seeds of a flag, a list of int.

    Args:
        texts: list of str.

    Raises:
        ValueError: if they are not integers >= 0, each once.
    """
    try:
        seeds = [int(text) for text in texts]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ValueError(
            f"`--seeds` must be integers >= 0, each once. Received: seeds={','.join(texts)}"
        )
    return seeds


def train_runs(runs, program, jobs):
    """Trains the runs that have not finished; ends the program on Ctrl-C or SIGTERM.

    Args, returns: see `run_all`.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run_all(runs, program, jobs, StudyProgress(len(runs)))
    except KeyboardInterrupt:
        print("\nStopped. The same command line continues.", flush=True)
        sys.exit(130)
    finally:
        signal.signal(signal.SIGTERM, before)


def write_figures(study, directory):
    """Writes and prints the table of what has finished.

    Args:
        study: `Study`.
        directory: its `StudyDirectory`.

    Returns:
        What `study_figures` returns; `None` if no run has finished.
    """
    found = find_runs(study.variants, directory.path)
    finished = [run for run in found if run.is_finished()]
    for run in found:
        if run not in finished:
            reason = (
                "trained with other flags than the study has now"
                if run.has_record()
                else "whose flags are not recorded; the study goes on with it where it is asked for"
            )
            print(f"Not in the table: {run}, {reason}.")
    if not finished:
        print("No run has finished yet.")
        return None
    figures = study_figures(study, finished)
    table = format_study(figures)
    directory.write(figures, table)
    print(f"\n{table}\nSaved: {directory.table}, {directory.figures}")
    return figures


def exit_on_failures(failures, runs):
    """Ends the program with the reasons, where runs have failed.

    Args:
        failures: dict, of `train_runs`.
        runs: list of all runs.
    """
    if failures:
        reasons = "\n".join(f"  {run}: {error}" for run, error in failures.items())
        sys.exit(f"error: {len(failures)} of {len(runs)} runs failed:\n{reasons}")
