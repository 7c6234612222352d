"""A row of the benchmark: one candidate at one batch size, and what is derived from its times."""

import dataclasses
import typing

import numpy as np


class Candidate(typing.NamedTuple):
    """Something to measure.

    Attributes:
        run: function without arguments; returns when its work is done.
        macs_share: float, its MACs as a share of the full model's; `None` where that says nothing.
    """

    run: typing.Callable
    macs_share: float | None


@dataclasses.dataclass(frozen=True)
class Row:
    """The times of one candidate.

    Attributes:
        name: str.
        batch_size: int. Images in a call, over all tasks.
        seconds: float array `(rounds,)`.
        reference: float array `(rounds,)`, the dense candidate's seconds in the same rounds.
        macs_share: float, or `None`.
    """

    name: str
    batch_size: int
    seconds: np.ndarray
    reference: np.ndarray
    macs_share: float | None

    @property
    def ratio_to_dense(self):
        return paired_ratio(self.seconds, self.reference)

    @property
    def overhead(self):
        """What the time has above the MACs, as a share of dense's time; `None` without MACs."""
        return None if self.macs_share is None else self.ratio_to_dense - self.macs_share

    def figures(self):
        """Returns the row as it is written to JSON, a dict."""
        return {
            "name": self.name,
            "batch_size": self.batch_size,
            "seconds_median": float(np.median(self.seconds)),
            "seconds_p95": float(np.percentile(self.seconds, 95)),
            "ratio_to_dense": self.ratio_to_dense,
            "macs_share": self.macs_share,
            "overhead": self.overhead,
        }


def paired_ratio(seconds, reference):
    """Returns the median over rounds of the ratio within a round, a float.

    What slows a whole round down cancels out, which a ratio of medians would not give.

    Args:
        seconds: float array `(rounds,)`.
        reference: float array `(rounds,)`.
    """
    return float(np.median(seconds / reference))


def measure_rows(candidates, batch_size, timer):
    """Measures candidates side by side.

    Args:
        candidates: dict from name to `Candidate`; the first is what the others are compared with.
        batch_size: int.
        timer: an `InterleavedTimer`.

    Returns:
        List of `Row`, in the order of `candidates`.
    """
    seconds = timer.measure({name: candidate.run for name, candidate in candidates.items()})
    reference = seconds[next(iter(candidates))]
    return [
        Row(name, batch_size, seconds[name], reference, candidate.macs_share)
        for name, candidate in candidates.items()
    ]
