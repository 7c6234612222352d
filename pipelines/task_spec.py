"""What the pipelines know of a task: its images, its classes and where they come from."""

import dataclasses
import re
from typing import Any

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """A classification task.

    Args:
        name: str of lower-case letters, digits and `_`, starting with a letter. Names are written
            in flags such as `digits=32,mnist=64`, which other characters would break.
        image_size: int >= 1. Height and width of an image, in pixels.
        channels: int >= 1.
        num_classes: int >= 2. Labels are in `[0, num_classes)`.
        source: object with `load(split, data_dir, validation_share, download)` that returns a
            `pipelines.sources.Split`.
        flip: bool. Whether a mirrored image still shows its class.
        pad: int in `[0, image_size)`. Pixels of padding for the random crop; 0 for no crop.
        description: str, one line for people.

    Raises:
        ValueError: if an argument is out of range.
    """

    name: str
    image_size: int
    channels: int
    num_classes: int
    source: Any
    flip: bool
    pad: int
    description: str

    def __post_init__(self):
        check_task_name(self.name)
        for argument, minimum in (("image_size", 1), ("channels", 1), ("num_classes", 2)):
            value = getattr(self, argument)
            if not _is_int(value) or value < minimum:
                _refuse(argument, f"an integer >= {minimum}", value)
        if not callable(getattr(self.source, "load", None)):
            _refuse("source", "an object with a `load` method", self.source)
        if not isinstance(self.flip, bool):
            _refuse("flip", "a bool", self.flip)
        if not _is_int(self.pad) or not 0 <= self.pad < self.image_size:
            _refuse("pad", f"an integer in [0, {self.image_size})", self.pad)
        if not isinstance(self.description, str) or not self.description.strip():
            _refuse("description", "a string that is not empty", self.description)

    @property
    def image_shape(self):
        """Tuple of ints `(height, width, channels)`."""
        return (self.image_size, self.image_size, self.channels)


def check_task_name(name):
    """Raises a `ValueError` if a task cannot have this name."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        _refuse("name", "lower-case letters, digits and `_`, a letter first", name)


def _is_int(value):
    # A bool is an int to Python, yet never a size.
    return isinstance(value, int) and not isinstance(value, bool)


def _refuse(argument, expected, value):
    raise ValueError(f"`{argument}` must be {expected}. Received: {argument}={value!r}")
