"""Ranges of settings, as a person writes them and as KerasTuner draws from them."""

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

    @classmethod
    def parse(cls, text, kind, given=None):
        """Parses a range.

        Args:
            text: str. `LOW..HIGH`, a list `A,B,C`, or one number; a number with an `x` behind it is
                a multiple of `given`.
            kind: `int` or `float`.
            given: number, or `None` where there is none to multiply.

        Raises:
            ValueError: if the text is no range, or its ends are in the wrong order.
        """
        if ".." in text:
            low, high = (_number(end, kind, given) for end in text.split("..", 1))
            if low > high:
                raise ValueError(f"must be LOW..HIGH with LOW <= HIGH. Received: {text}")
            return cls(low, high)
        values = tuple(sorted({_number(item, kind, given) for item in text.split(",")}))
        return cls(values[0], values[-1], values if len(values) > 1 else ())

    def nearest(self, value):
        """Returns what is nearest to a value within the range."""
        if self.values:
            return min(self.values, key=lambda allowed: abs(allowed - value))
        return min(max(value, self.low), self.high)

    def declare(self, hyperparameters, name, default, sampling):
        """Registers a value in the range with a `keras_tuner.HyperParameters`."""
        default = self.nearest(default)
        if self.low == self.high:
            hyperparameters.Fixed(name, self.low)
        elif self.values:
            hyperparameters.Choice(name, list(self.values), default=default)
        else:
            declare = hyperparameters.Int if isinstance(self.low, int) else hyperparameters.Float
            declare(name, self.low, self.high, sampling=sampling, default=default)


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
            f"must be LOW..HIGH, a list A,B,C or one number, of {kind.__name__}. Received: {text!r}"
        ) from None
    if not math.isfinite(value):
        raise ValueError(f"must be of finite numbers. Received: {text!r}")
    return value
