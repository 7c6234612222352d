"""Settings of data, each declared once: a field of a frozen dataclass that knows its range."""

import dataclasses
import math
import os

import numpy as np


def setting(default, kind, help, **metadata):
    """Returns a dataclass field; what `metadata` may hold is said by `DataSettings`."""
    return dataclasses.field(default=default, metadata={"kind": kind, "help": help, **metadata})


class CheckedSettings:
    """Base of the dataclasses of settings: plain values, each within its range.

    Raises:
        ValueError: if a setting is out of range; it names the setting.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = _plain(getattr(self, field.name))
            _check(field, value)
            object.__setattr__(self, field.name, value)


def _plain(value):
    """Returns a setting with tuples in place of JSON's lists, str of paths and Python's numbers."""
    if isinstance(value, dict):
        return {name: _plain(of) for name, of in value.items()}
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if isinstance(value, np.generic) else value


def _check(field, value):
    """Raises a `ValueError` if a value is not what the metadata of its field say."""
    known = field.metadata
    if value is None and known.get("optional"):
        return
    choices, values = known.get("choices", ()), [value]
    if known.get("is_list"):
        values = value if isinstance(value, tuple) else ()
    elif known.get("per_task") and isinstance(value, dict):
        choices, values = (), value.values()
    if choices:
        is_valid = value in choices
    else:
        is_valid = values and all(_is_valid(known, single) for single in values)
    if not is_valid:
        expected = f"one of {', '.join(choices)}" if choices else _expected(known)
        raise ValueError(f"`{field.name}` must be {expected}. Received: {field.name}={value!r}")


def _is_valid(known, value):
    kind = known["kind"]
    # An int will do for a float. A bool is an int to Python, yet never a number.
    kinds = (int, float) if kind is float else kind
    if not isinstance(value, kinds) or isinstance(value, bool) != (kind is bool):
        return False
    if kind not in (int, float):
        return True
    low, above = known.get("low", -math.inf), known.get("above", -math.inf)
    return low <= value <= known.get("high", math.inf) and above < value < math.inf


def _expected(known):
    if known.get("is_list"):
        return "a tuple of str, not empty"
    text = {int: "an integer", float: "a number", bool: "a bool", str: "a str"}[known["kind"]]
    bounds = (("low", ">="), ("above", ">"), ("high", "<="))
    text += " and".join(f" {sign} {known[bound]}" for bound, sign in bounds if bound in known)
    return f"{text}, or one per task" if known.get("per_task") else text
