"""What a search maximises: one number for a trained network, from its validation figures."""

import dataclasses
import statistics

from elastic_tf.evaluation.fixed_front import accuracy_at, hypervolume, pareto_front

ACCURACY, SCALAR, HYPERVOLUME = "accuracy", "accuracy_minus_macs", "hypervolume"
OBJECTIVES = (ACCURACY, SCALAR, HYPERVOLUME)
# A mean of shares that are at the budget may come out above it by this.
_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class Objective:
    """Scores networks; the higher, the better.

    - `"accuracy"`: accuracy of the selector's choice, where its mean MACs are within `budget` plus
      `budget_tolerance`. Otherwise minus the excess: below every network that keeps to the budget,
      and the lower the farther from it (Deb, 2000, "An efficient constraint handling method for
      genetic algorithms").
    - `"accuracy_minus_macs"`: accuracy minus `macs_weight` times the share of MACs.
    - `"hypervolume"`: mean over all budgets in (0, 1] of the best accuracy within that budget, of
      levels used everywhere, the selector's own choice and its choices at budgets.

    All are means over tasks. As long as the selector has had no turn, a network is scored by what
    its fixed levels offer: the accuracy that a mixture of two of them has at `budget`, or the best
    of them.

    Attributes:
        name: str, of `OBJECTIVES`.
        budget: float in (0, 1], share of the full model's MACs; for `"accuracy"` only.
        macs_weight: float >= 0, for `"accuracy_minus_macs"` only. Defaults to 0.1.
        budget_tolerance: float >= 0. Validation images are few, and their mean MACs are not quite
            those of all. Defaults to 0.02.

    Raises:
        ValueError: if a setting is missing or out of range.
    """

    name: str
    budget: float | None = None
    macs_weight: float = 0.1
    budget_tolerance: float = 0.02

    def __post_init__(self):
        if self.name not in OBJECTIVES:
            raise ValueError(f"`objective` must be of {OBJECTIVES}. Received: {self.name}")
        if self.name == ACCURACY and (self.budget is None or not 0 < self.budget <= 1):
            raise ValueError(
                "`budget` must be in (0, 1] with objective accuracy. "
                f"Received: budget={self.budget}"
            )
        if self.name != ACCURACY and self.budget is not None:
            raise ValueError(
                "`budget` must be left out but with objective accuracy. "
                f"Received: budget={self.budget}, objective={self.name}"
            )

    def measure(self, figures):
        """Returns the figures of a network that a search keeps.

        Args:
            figures: dict, what `validation_figures` returns.

        Returns:
            Dict of floats: `score`; `accuracy` and `macs_share`, of the choice that is scored, and
            `hypervolume`, means over tasks.
        """
        chooses = figures["is_selector_trained"]
        curves = figures["tasks"].values()
        choices = [self._choice(curve, chooses) for curve in curves]
        macs_share = statistics.fmean(share for share, _ in choices)
        accuracy = statistics.fmean(accuracy for _, accuracy in choices)
        volume = statistics.fmean(hypervolume(_offers(curve, chooses)) for curve in curves)
        score = self._score(accuracy, macs_share, volume)
        return {
            "score": score,
            "accuracy": accuracy,
            "macs_share": macs_share,
            "hypervolume": volume,
        }

    def is_feasible(self, macs_share):
        """Returns whether mean MACs keep to the budget, if there is one."""
        if self.budget is None:
            return True
        return macs_share <= self.budget + self.budget_tolerance + _ROUNDING

    def describe(self):
        """Returns what is maximised, in words."""
        return {
            ACCURACY: f"validation accuracy within {100 * (self.budget or 0):g} % of the MACs",
            SCALAR: f"validation accuracy - {self.macs_weight:g} x share of MACs",
            HYPERVOLUME: "mean validation accuracy over all budgets of MACs",
        }[self.name]

    def _score(self, accuracy, macs_share, volume):
        if self.name == HYPERVOLUME:
            return volume
        if self.name == SCALAR:
            return accuracy - self.macs_weight * macs_share
        return accuracy if self.is_feasible(macs_share) else self.budget - macs_share

    def _choice(self, curve, chooses):
        """Returns share of MACs and accuracy of what is scored in one task."""
        if chooses:
            return curve["selector"]["macs_share"], curve["selector"]["accuracy"]
        levels = _points(curve["levels"])
        if self.name == ACCURACY:
            share = max(self.budget, min(share for share, _ in levels))
            return share, accuracy_at(levels, share)
        front = [levels[index] for index in pareto_front(levels)]
        return max(front, key=lambda point: point[1] - self.macs_weight * point[0])


def _offers(curve, chooses):
    own = [curve["selector"], *curve["budgets"]] if chooses else []
    return _points([*curve["levels"], *own])


def _points(points):
    return [(point["macs_share"], point["accuracy"]) for point in points]
