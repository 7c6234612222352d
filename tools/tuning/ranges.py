"""Ranges of settings as a person writes them: `2..5`, `0.01..0.3`, `2,3,4`, `0.5x..2x`, `3`."""

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
