"""Live progress of a search: which trial, with which settings, how well, how long."""

import sys
import time

from elastic_tf_tools.tuning.outcomes import COMPLETED, ranked


class TrialProgress:
    """Prints a line when a trial starts and one when it ends.

    Args:
        outcomes: the search's `Outcomes`, which may hold those of before.
        max_trials: int, or `None` if the number of trials is not known.
        varied: function from a trial's flags to those that are varied, lists of str.
        stream: text stream. Defaults to standard output.
        clock: function without arguments that returns seconds. Defaults to `time.monotonic`.
    """

    def __init__(self, outcomes, max_trials, varied, stream=None, clock=time.monotonic):
        self._outcomes = outcomes
        self._max_trials = max_trials
        self._varied = varied
        self._stream = stream or sys.stdout
        self._clock = clock
        self._began = None
        self._ended = 0

    def started(self, trial, run):
        """Says that a trial starts.

        Args:
            trial: str, its name.
            run: its `TrialRun`.
        """
        if self._began is None:
            self._began = self._clock()
        until = "" if run.until_step is None else f", up to step {run.until_step}"
        settings = " ".join(self._varied(run.flags))
        self._print(f"trial {self._place(trial)} starts{until}: {settings}; log: {run.log}")

    def ended(self, outcome):
        """Says how a trial has ended, and what is the best so far."""
        self._ended += 1
        place = self._place(outcome["trial"])
        minutes = f"{outcome['minutes']:.1f} min"
        if outcome["status"] != COMPLETED:
            self._print(f"trial {place} failed after {minutes}: {outcome['reason']}")
            return
        best = ranked(self._outcomes.all())[0]
        point = f"{100 * outcome['accuracy']:.2f} % at {100 * outcome['macs_share']:.1f} % MACs"
        limit = "" if outcome["is_feasible"] else ", above the limit"
        self._print(
            f"trial {place} took {minutes}: score {outcome['score']:.4f}, {point}{limit}; "
            f"best {best['score']:.4f} of trial {best['trial']}{self._time_left()}"
        )

    def _place(self, trial):
        if self._max_trials is None:
            return trial
        return f"{trial} ({int(trial) + 1} of {self._max_trials})"

    def _time_left(self):
        if self._max_trials is None:
            return ""
        left = self._max_trials - len(self._outcomes.all())
        minutes = left * (self._clock() - self._began) / 60 / self._ended
        return f"; about {minutes:.0f} min left" if left > 0 else ""

    def _print(self, line):
        self._stream.write(f"{line}\n")
        self._stream.flush()
