"""Settings, each declared once: a field of a frozen dataclass that knows its default and its range.

`Configured` is for layers and models, whose arguments are settings too.

Command lines, searches and documents read the same fields by `dataclasses.fields`; what a field
says of itself is its `metadata`, a plain mapping:

| key | value |
| --- | --- |
| `help` | str, a sentence; with the unit, if there is one |
| `kind` | `int`, `float`, `str` or `bool`, the type of a single value; `object`: see its class |
| `low`, `high` | number, the least and the greatest value |
| `above`, `below` | number, less than the least and more than the greatest value |
| `choices` | tuple of str, all values there are |
| `optional` | `True` where the value may be `None` |
| `per_task` | `True` where it may be a dict from task name to value |
| `is_list` | `True` where it is a tuple of values |
| `paper` | the paper's value, where the paper decides it |
| `tune` | str, the range that a search takes by default, `"0.03..0.3"`; absent: not for tuning |
| `sampling` | `"linear"` or `"log"`, how a search draws |
"""

import dataclasses
import inspect
import numbers

_NOUNS = {int: "an integer", float: "a number", str: "a text", bool: "a bool", object: "a value"}


def setting(default, help, kind, **metadata):
    """Returns a dataclass field.

    Args:
        default: its default value.
        help: str, see the table above.
        kind: type, see there.
        **metadata: the other keys there.
    """
    return dataclasses.field(default=default, metadata={"help": help, "kind": kind} | metadata)


class Settings:
    """Base of the dataclasses of settings: checks them, and is part of Keras' configs.

    Raises:
        ValueError: if a setting is out of its range; it names the setting.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.metadata.get("is_list") and isinstance(value, list):
                object.__setattr__(self, field.name, tuple(value))
            check_value(field, value)

    @classmethod
    def paper(cls, **changes):
        """Returns the paper's settings, as its authors' program has them.

        Args:
            **changes: settings in place of the paper's.
        """
        return cls(**(paper_values(cls) | changes))

    def get_config(self):
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Configured:
    """Gives a Keras layer the config that it is made from again: the arguments of `__init__`.

    They are its attributes of the same names. What a class passes on to another of ours by
    `**kwargs` is among them; what Keras takes, Keras adds. To be named before the layer class.
    """

    def get_config(self):
        order = type(self).__mro__
        names = [
            parameter.name
            for cls in order[: order.index(Configured)]
            for parameter in list(inspect.signature(cls.__init__).parameters.values())[1:]
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ]
        return super().get_config() | {name: getattr(self, name) for name in names}


def paper_values(cls):
    """Returns the settings of a dataclass that the paper decides, a dict from name to value."""
    return {
        field.name: field.metadata["paper"]
        for field in dataclasses.fields(cls)
        if "paper" in field.metadata
    }


def of_task(value, task, default=None):
    """Returns a setting's value for a task; `default` for a task that a dict leaves out."""
    return value.get(task, default) if isinstance(value, dict) else value


def check_value(field, value):
    """Raises a `ValueError` if `value` is none that a dataclass field may have."""
    known = field.metadata
    if value is None and known.get("optional"):
        return
    if isinstance(value, dict) and known.get("per_task"):
        values = [of for of in value.values() if of is not None or not known.get("optional")]
    elif known.get("is_list"):
        values = value if isinstance(value, (list, tuple)) else None
    else:
        values = [value]
    if values is None or not all(_is_valid(known, each) for each in values):
        raise ValueError(
            f"`{field.name}` must be {describe_range(known)}. Received: {field.name}={value}"
        )


def check_integer(name, value, low):
    """Returns `value` as an int, or raises a `ValueError` that names it if it is none >= `low`.

    NumPy's integers are some; a bool is none.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < low:
        raise ValueError(f"`{name}` must be an integer >= {low}. Received: {name}={value!r}")
    return int(value)


def describe_range(known):
    """Returns what a setting may be, in words; `known` is a field's metadata."""
    if "choices" in known:
        return f"one of {known['choices']}"
    noun = _NOUNS[known["kind"]]
    above, below = "above" in known, "below" in known
    low, high = known.get("above", known.get("low")), known.get("below", known.get("high"))
    if low is None:
        return noun
    if high is None:
        return f"{noun} above {low}" if above else f"{noun} >= {low}"
    return f"{noun} in {'(' if above else '['}{low}, {high}{')' if below else ']'}"


def _is_valid(known, value):
    kind = known["kind"]
    if "choices" in known and (kind is str or isinstance(value, str)):
        return value in known["choices"]
    if kind in (int, float):
        number = numbers.Integral if kind is int else numbers.Real
        if isinstance(value, bool) or not isinstance(value, number):
            return False
        return (
            known.get("low", value) <= value <= known.get("high", value)
            and ("above" not in known or value > known["above"])
            and ("below" not in known or value < known["below"])
        )
    return isinstance(value, kind)
