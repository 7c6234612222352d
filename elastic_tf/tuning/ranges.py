"""What can be tuned, and ranges as a person writes them."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Range:
    """What a setting may be.

    Attributes:
        low, high: int or float, both included; equal where there is one value.
        values: tuple, the only values, in order; empty for all between `low` and `high`.
    """

    low: float
    high: float
    values: tuple = ()

    def nearest(self, value):
        """Returns what is nearest to a value within the range."""
        if self.values:
            return min(self.values, key=lambda allowed: abs(allowed - value))
        return min(max(value, self.low), self.high)


def parse_range(text, kind, given=None):
    """Parses a range.

    Args:
        text: str. `LOW..HIGH`, a list `A,B,C`, or one number; a number with an `x` behind it is a
            multiple of `given`.
        kind: `int` or `float`.
        given: number, or `None` where there is none to multiply.

    Returns:
        A `Range`.

    Raises:
        ValueError: if the text is no range, or its ends are in the wrong order.
    """
    text = str(text)
    if ".." in text:
        low, high = (_number(end, kind, given) for end in text.split("..", 1))
        if low > high:
            raise ValueError(f"a range must be LOW..HIGH with LOW <= HIGH. Received: {text}")
        return Range(low, high)
    values = tuple(sorted({_number(item, kind, given) for item in text.split(",")}))
    return Range(values[0], values[-1], values if len(values) > 1 else ())


def _number(text, kind, given):
    text = text.strip()
    try:
        if not text.endswith("x"):
            value = kind(text)
        elif given is None:
            raise ValueError
        elif kind is int:
            value = max(1, round(float(text[:-1]) * given))
        else:
            value = float(text[:-1]) * given
    except ValueError:
        raise ValueError(
            f"a range must be LOW..HIGH, a list A,B,C or one number, of {kind.__name__}. "
            f"Received: {text!r}"
        ) from None
    if not math.isfinite(value):
        raise ValueError(f"a range must be of finite numbers. Received: {text!r}")
    return value


@dataclasses.dataclass(frozen=True)
class Tunable:
    """A setting that a search can vary.

    Attributes:
        name: str. `--tune_<name>` gives another range.
        flag: str, the flag of tools/train.py that it sets.
        kind: `int` or `float`.
        range: str, its range unless another is given, see `parse_range`; `x` stands for the value
            that the flag has.
        least, most: number, between which every value must be; `None` for no bound.
        sampling: `"linear"` or `"log"`.
        help: str, what it is.
    """

    name: str
    flag: str
    kind: type
    range: str
    least: float
    most: float | None
    sampling: str
    help: str


LEVELS, RATIOS, TARGET_MACS, RHO = "levels", "ratios", "target_macs", "rho"

TUNABLES = {
    tunable.name: tunable
    for tunable in (
        Tunable(LEVELS, "num_levels", int, "2..5", 2, None, "linear", "levels per block"),
        Tunable(
            RATIOS,
            "ratios",
            float,
            "0.25..0.75",
            0.05,
            0.95,
            "linear",
            "width of a level as a share of the next wider one's; one such number for each level "
            "between the lowest and full width, so that ratios always increase and end with 1",
        ),
        Tunable(
            TARGET_MACS,
            "target_macs",
            float,
            "0.2..0.7",
            0.01,
            1.0,
            "linear",
            "mean share of MACs to aim at",
        ),
        Tunable(RHO, "rho", float, "0.3..10", 1e-9, None, "log", "weight of accuracy against cost"),
        Tunable(
            "initial_mix",
            "initial_mix",
            float,
            "0..0.5",
            0.0,
            1.0,
            "linear",
            "share of models from the initial distribution in the alternation",
        ),
        Tunable(
            "full_share",
            "full_share",
            float,
            "0.25..0.9",
            0.0,
            1.0,
            "linear",
            "share of full models in the initial distribution; of no effect with distillation",
        ),
        Tunable(
            "learning_rate",
            "learning_rate",
            float,
            "0.03..0.3",
            1e-9,
            None,
            "log",
            "estimator's learning rate",
        ),
        Tunable(
            "alternation_learning_rate",
            "alternation_learning_rate",
            float,
            "0.01..0.3",
            1e-9,
            None,
            "log",
            "the same in the first round; of no effect with --learning_rate_shape=cosine",
        ),
        Tunable(
            "selector_learning_rate",
            "selector_learning_rate",
            float,
            "0.001..0.01",
            1e-9,
            None,
            "log",
            "selector's learning rate",
        ),
        Tunable(
            "selector_hidden_ratio",
            "selector_hidden_ratio",
            float,
            "0.0625..0.5",
            1e-3,
            1.0,
            "log",
            "size of the selector: hidden width of its blocks as a share of the stage's",
        ),
        Tunable(
            "initial_steps",
            "initial_steps",
            int,
            "0.5x..1.5x",
            1,
            None,
            "linear",
            "steps of the initial stage",
        ),
        Tunable("rounds", "rounds", int, "1..5", 1, None, "linear", "rounds of the alternation"),
        Tunable(
            "selector_steps",
            "selector_steps",
            int,
            "0.5x..2x",
            1,
            None,
            "linear",
            "selector steps in a round",
        ),
        Tunable(
            "estimator_steps",
            "estimator_steps",
            int,
            "0.5x..2x",
            1,
            None,
            "linear",
            "estimator steps in a round",
        ),
    )
}
