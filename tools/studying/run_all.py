"""Running the trainings of a study, some at a time."""

import collections
import time

from elastic_tf_tools.studying.run_process import RunProcess

_SECONDS_BETWEEN_LOOKS = 0.1


def run_all(runs, program, jobs, progress):
    """Trains all runs that have not finished; one that fails does not keep the others from it.

    However this function is left, no process of it goes on.

    Args:
        runs: list of `StudyRun`.
        program: list of str, the command that takes the runs' arguments.
        jobs: int >= 1. How many run at the same time.
        progress: a `StudyProgress`.

    Returns:
        Dict from the runs that failed to the reason, a str.
    """
    waiting = collections.deque(run for run in runs if not run.is_finished())
    running, failures = {}, {}
    progress.begin(len(runs) - len(waiting))
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                run = waiting.popleft()
                progress.started(run)
                running[run] = RunProcess(run, program)
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            for run in [run for run, process in running.items() if process.has_ended()]:
                error = running.pop(run).error()
                if error:
                    failures[run] = error
                else:
                    run.record()
                progress.ended(run, error)
    finally:
        for process in running.values():
            process.stop()
    return failures
