"""Live progress of a study: which run, how many, how long."""

import sys
import time


class StudyProgress:
    """Prints a line when a run starts and one when it ends.

    Args:
        total: int. Runs of the study.
        stream: text stream. Defaults to standard output.
        clock: function without arguments that returns seconds. Defaults to `time.monotonic`.
    """

    def __init__(self, total, stream=None, clock=time.monotonic):
        self._total = total
        self._stream = stream or sys.stdout
        self._clock = clock

    def begin(self, finished):
        """Starts the clock; `finished` runs are there already, an int."""
        self._finished = self._started = finished
        self._trained = 0
        self._began = self._clock()
        self._starts = {}
        self._print(f"{finished} of {self._total} runs have finished before.")

    def started(self, run):
        self._started += 1
        self._starts[run] = self._started, self._clock()
        self._print(f"{self._place(run)} starts; log: {run.log}")

    def ended(self, run, error):
        """Says how a run has ended; `error` is a str, or `None` where there is none."""
        self._finished += 1
        self._trained += 1
        minutes = self._minutes_since(self._starts[run][1])
        outcome = f"failed after {minutes:.1f} min: {error}" if error else f"took {minutes:.1f} min"
        self._print(f"{self._place(run)} {outcome}{self._time_left()}")

    def _place(self, run):
        return f"[{self._starts[run][0]}/{self._total}] {run}"

    def _time_left(self):
        left = self._total - self._finished
        if not left:
            return ""
        minutes = left * self._minutes_since(self._began) / self._trained
        return f"; {left} left, about {minutes:.0f} min"

    def _minutes_since(self, moment):
        return (self._clock() - moment) / 60

    def _print(self, line):
        self._stream.write(f"{line}\n")
        self._stream.flush()
