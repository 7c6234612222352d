"""What the pipelines know of a task: its images, its classes and where they come from."""

import dataclasses
import numbers
import re
from typing import Any

import tensorflow as tf

AUGMENTS = ("crop", "resized")
MIN_CROP_AREA = 0.08  # As is customary for ImageNet.
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """A classification task.

    Args:
        name: str of lower-case letters, digits and `_`, starting with a letter. Names are written
            in flags such as `digits=32,mnist=64`, which other characters would break.
        image_size: int >= 1, height and width of an image in pixels, or a pair of them.
        channels: int >= 1.
        num_classes: int >= 2. Labels are in `[0, num_classes)`.
        source: object with `load(split, data_dir, validation_share, download)` that returns what
            `load` below does, and perhaps `class_names(data_dir)` that returns a sequence of str.
        flip: bool. Whether a mirrored image still shows its class.
        pad: int >= 0 and below both sides. Pixels of padding for the random crop; 0 for no crop,
            `None` for what `DataSettings.crop_pad` says.
        description: str, one line for people.
        classes: tuple of str, the names of the classes in the order of the labels; `None` for
            those that the source knows, or else numbers.
        augment: `"crop"` for the random crop of an image with padding, or `"resized"` for one of
            any size (see `crop_boxes`), without padding.
        crop_area: float in (0, 1]. Smallest share of an image's area that a resized crop may have.
        jitter: float in [0, 1]. Strength of the colour jitter (see `colour_jitter`); 0 for none.

    Raises:
        ValueError: if an argument is out of range.
    """

    name: str
    image_size: int | tuple[int, int]
    channels: int
    num_classes: int
    source: Any
    flip: bool
    pad: int | None
    description: str
    classes: tuple[str, ...] | None = None
    augment: str = "crop"
    crop_area: float = MIN_CROP_AREA
    jitter: float = 0.0

    def __post_init__(self):
        check_task_name(self.name)
        object.__setattr__(self, "image_size", checked_image_size(self.image_size))
        for argument, minimum in (("channels", 1), ("num_classes", 2)):
            value = checked_integer(argument, getattr(self, argument), minimum)
            object.__setattr__(self, argument, value)
        if not callable(getattr(self.source, "load", None)):
            _refuse("source", "an object with a `load` method", self.source)
        if not isinstance(self.flip, bool):
            _refuse("flip", "a bool", self.flip)
        if self.pad is not None:
            object.__setattr__(self, "pad", checked_integer("pad", self.pad, 0))
            if self.pad >= min(self.image_shape[:2]):
                _refuse("pad", f"below image_size={self.image_size}", self.pad)
        if not isinstance(self.description, str) or not self.description.strip():
            _refuse("description", "a string that is not empty", self.description)
        if self.classes is not None and len(self.classes) != self.num_classes:
            _refuse("classes", f"{self.num_classes} names or None", self.classes)
        if self.augment not in AUGMENTS:
            _refuse("augment", " or ".join(AUGMENTS), self.augment)
        if not 0 < self.crop_area <= 1:
            _refuse("crop_area", "above 0 and at most 1", self.crop_area)
        if not 0 <= self.jitter <= 1:
            _refuse("jitter", "from 0 to 1", self.jitter)

    @property
    def image_shape(self):
        """Tuple of ints `(height, width, channels)`."""
        return (*height_and_width(self.image_size), self.channels)

    def load(self, split, data_dir=None, validation_share=0.1, download=False):
        """Returns the images of a split with their labels, after a check of their shape.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            data_dir: str or path of the folder of prepared data sets; `None` for tfds' default.
            validation_share: float in [0, 0.5]. Share of train held out for validation.
            download: bool. Whether absent data sets may be downloaded.

        Returns:
            Finite `tf.data.Dataset` of `(image, label)`, uint8 `(height, width, channels)` in
            [0, 255] and int32 `()`, of known cardinality. It is not batched, and every pass gives
            the same order.

        Raises:
            DataNotFoundError: if the images are absent or damaged.
            ValueError: if an argument is out of range, or the source gives other images or none.
        """
        dataset = self.source.load(
            split, data_dir=data_dir, validation_share=validation_share, download=download
        )
        expected = (tf.TensorSpec(self.image_shape, tf.uint8), tf.TensorSpec((), tf.int32))
        if dataset.element_spec != expected or dataset.cardinality() < 1:
            raise ValueError(
                f"`source` of '{self.name}' must give {expected}, a known number of them. "
                f"Received: {dataset.element_spec}, {int(dataset.cardinality())} of them"
            )
        return dataset

    def class_names(self, data_dir=None):
        """Returns the names of the classes, a list of str in the order of the labels.

        Of the name of a folder that is no text, its bytes are written out.

        Args:
            data_dir: see `load`.

        Raises:
            DataNotFoundError: if they are read from disk, and are not there.
            ValueError: if the source has another number of names.
        """
        named = getattr(self.source, "class_names", None)
        names = self.classes or (named(data_dir) if named else range(self.num_classes))
        if len(names) != self.num_classes:
            raise ValueError(
                f"`source` of '{self.name}' must have {self.num_classes} class names. "
                f"Received: {len(names)}"
            )
        return [str(name).encode(errors="backslashreplace").decode() for name in names]


def network_tasks(specs):
    """Returns what a network needs to know of tasks, as `elastic_tf` takes it.

    Args:
        specs: sequence of `TaskSpec`.

    Returns:
        Dict from name to `{"image_shape": (height, width, channels), "num_classes": int}`.
    """
    return {
        spec.name: {"image_shape": spec.image_shape, "num_classes": spec.num_classes}
        for spec in specs
    }


def check_network_tasks(known, specs):
    """Checks that images are still those that a network was made for.

    Args:
        known: dict, the network's `tasks` (see `network_tasks`).
        specs: sequence of `TaskSpec`.

    Raises:
        ValueError: if the network lacks one of the tasks, or has it with other images or classes.
    """
    for name, task in network_tasks(specs).items():
        if name not in known:
            raise ValueError(
                f"`tasks` must be of {', '.join(known)}, which the network was trained on. "
                f"Received: {name}"
            )
        received = (task["image_shape"], task["num_classes"])
        expected = (tuple(known[name]["image_shape"]), known[name]["num_classes"])
        if received != expected:
            raise ValueError(
                f"`tasks` must give for '{name}' images {expected[0]} in {expected[1]} classes, as "
                f"in training. Received: {received[0]} in {received[1]}"
            )


def check_task_name(name):
    """Raises a `ValueError` if a task cannot have this name."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        _refuse("name", "lower-case letters, digits and `_`, a letter first", name)


def checked_integer(argument, value, minimum):
    """Returns an int, also of NumPy's integers; a `ValueError` for all else and below `minimum`."""
    # A bool is an int to Python, yet never a size.
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < minimum:
        _refuse(argument, f"an integer >= {minimum}", value)
    return int(value)


def checked_image_size(value):
    """Returns an int for squares, else a tuple `(height, width)`; a `ValueError` for all else."""
    if not isinstance(value, (tuple, list)):
        return checked_integer("image_size", value, 1)
    if len(value) != 2:
        _refuse("image_size", "an integer >= 1, or height and width", value)
    height, width = (checked_integer("image_size", side, 1) for side in value)
    return height if height == width else (height, width)


def height_and_width(image_size):
    """Returns height and width, a tuple of int; `image_size` is one of both or the two."""
    return tuple(image_size) if isinstance(image_size, (tuple, list)) else (image_size, image_size)


def _refuse(argument, expected, value):
    raise ValueError(f"`{argument}` must be {expected}. Received: {argument}={value!r}")
