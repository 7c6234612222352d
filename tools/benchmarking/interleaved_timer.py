"""The clock: candidates take turns, so that a machine's moods hit all of them alike."""

import gc
import time

import numpy as np


class InterleavedTimer:
    """Measures several functions side by side, in rounds.

    Every round calls each function once. The order rotates from round to round, so that no
    function always comes first. Rounds go on until the time is spent, but there are at least
    `min_rounds`.

    Args:
        seconds: float >= 0. Time for the rounds of one group of functions, warm-up apart.
        min_rounds: int >= 1.
        warmups: int >= 0. Calls of each function before the clock starts; the first builds the
            graph. Defaults to 2.
        clock: function that returns seconds. Defaults to `time.perf_counter`.
    """

    def __init__(self, seconds, min_rounds, warmups=2, clock=time.perf_counter):
        self.seconds = seconds
        self.min_rounds = min_rounds
        self.warmups = warmups
        self.clock = clock

    def measure(self, functions):
        """Returns how long each call took.

        Args:
            functions: dict from name to a function without arguments, which returns when its work
                is done, that of a GPU included.

        Returns:
            Dict from name to seconds, float64 array `(rounds,)`; entries at the same place are of
            the same round.
        """
        for function in functions.values():
            for _ in range(self.warmups):
                function()
        collects = gc.isenabled()
        gc.collect()
        gc.disable()  # A collection would fall to whichever function's turn it is.
        try:
            rounds = self._rounds(functions)
        finally:
            if collects:
                gc.enable()
        return {name: np.array([taken[name] for taken in rounds]) for name in functions}

    def _rounds(self, functions):
        names, rounds = list(functions), []
        began = self.clock()
        while len(rounds) < self.min_rounds or self.clock() - began < self.seconds:
            first = len(rounds) % len(names)
            rounds.append(
                {name: self._time(functions[name]) for name in names[first:] + names[:first]}
            )
        return rounds

    def _time(self, function):
        began = self.clock()
        function()
        return self.clock() - began
