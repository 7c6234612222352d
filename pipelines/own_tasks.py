"""Tasks made of a user's own images, and how they are written in a setting or a flag."""

import contextlib
import dataclasses
import os
import pathlib
import re
import zlib

from pipelines.registry import get_task, task_names
from pipelines.sources import (
    CORRUPT_RULES,
    DataNotFoundError,
    FolderSource,
    NpzSource,
    TfdsPhotographs,
)
from pipelines.sources.image_files import FITS
from pipelines.task_spec import (
    AUGMENTS,
    MIN_CROP_AREA,
    TaskSpec,
    check_task_name,
    checked_image_size,
    height_and_width,
)

_MAX_TEST_SHARE = 0.5
_PLACES = ("folder", "npz", "tfds")
# A name of tfds' own, perhaps with a config or a version; others are of sites that it would ask.
_TFDS_NAME = re.compile(r"\w+(/[\w.+-]+)?(:\d+\.\d+\.\d+)?")
_EXAMPLE = "digits,birds:folder=/data/birds,image_size=48"


@dataclasses.dataclass(frozen=True)
class OwnTask:
    """Where the images of a task lie and how they are used. Nothing is read from disk yet.

    An npz file may be that of a known task: its name then says what the images and classes are,
    and only where they come from is new.

    Args:
        name: str, as in `TaskSpec`.
        folder: str or path of a folder with one folder per class (see `ImageFolder`), or
        npz: str or path of an npz file (see `NpzSource`), or
        tfds: str, the name of a tfds data set of photographs (see `TfdsPhotographs`). One of the
            three.
        image_size: int >= 1, height and width that images are brought to in pixels, or a pair of
            them. May be left out for an npz file, and must be for a known task.
        channels: 1 or 3; `None` for 3, or those of the npz file.
        flip: bool. Whether a mirrored image still shows its class; `None` for True, or what the
            known task says.
        pad: int >= 0 and below both sides. Pixels of padding for the random crop; `None` for what
            `DataSettings.crop_pad` says.
        fit: `"crop"` or `"stretch"` (see `standard_image`).
        test_share: float in (0, 0.5]. Share of every class for the test split, where the images
            come without one.
        augment, crop_area, jitter: see `TaskSpec`. Resized crops are taken from the whole
            photographs, of an npz file from the stored images.

    Raises:
        ValueError: if an argument is out of range or they do not go together.
    """

    name: str
    folder: str | None = None
    npz: str | None = None
    tfds: str | None = None
    image_size: int | tuple[int, int] | None = None
    channels: int | None = None
    flip: bool | None = None
    pad: int | None = None
    fit: str = "crop"
    test_share: float = 0.2
    augment: str = "crop"
    crop_area: float = MIN_CROP_AREA
    jitter: float = 0.0

    def __post_init__(self):
        check_task_name(self.name)
        given = [name for name in _PLACES if getattr(self, name) is not None]
        if len(given) != 1:
            received = ", ".join(f"{name}={getattr(self, name)}" for name in _PLACES)
            raise ValueError(
                f"`folder`, `npz` or `tfds` must be given, one of them. Received: {received}"
            )
        (place,) = given
        if self.tfds is not None:
            is_name = _TFDS_NAME.fullmatch(self.tfds)
            self._check("tfds", "NAME, NAME/CONFIG or NAME:VERSION, as tfds has it", is_name)
        if self._is_known:
            self._check(place, "None for the name of a known task", place == "npz")
            for argument in ("image_size", "channels"):
                is_valid = getattr(self, argument) is None
                self._check(argument, f"left out, as '{self.name}' is a known task", is_valid)
        if place != "npz" and not self._is_known:
            self._check("image_size", f"given with `{place}`", self.image_size is not None)
        if self.image_size is not None:
            object.__setattr__(self, "image_size", checked_image_size(self.image_size))
        self._check("channels", "1 or 3", self.channels in (None, 1, 3))
        size = get_task(self.name).image_size if self._is_known else self.image_size
        if self.pad is not None:
            self._check("pad", "left out with augment=resized", self.augment != "resized")
            limit = min(height_and_width(size)) if size else None
            expected = "an integer >= 0" + (f" and below {limit}" if limit else "")
            self._check("pad", expected, 0 <= self.pad and (not limit or self.pad < limit))
        self._check("fit", " or ".join(FITS), self.fit in FITS)
        in_range = 0 < self.test_share <= _MAX_TEST_SHARE
        self._check("test_share", f"above 0 and at most {_MAX_TEST_SHARE}", in_range)
        self._check("augment", " or ".join(AUGMENTS), self.augment in AUGMENTS)
        self._check("crop_area", "above 0 and at most 1", 0 < self.crop_area <= 1)
        self._check("jitter", "from 0 to 1", 0 <= self.jitter <= 1)

    @property
    def _is_known(self):
        return self.name in task_names()

    def _check(self, argument, expected, is_valid):
        if not is_valid:
            value = getattr(self, argument)
            raise ValueError(f"`{argument}` must be {expected}. Received: {argument}={value}")

    def to_spec(self, on_corrupt_image="error", index_dir=None, data_dir=None, download=False):
        """Lists the folder, reads the npz file or opens the tfds data set, and returns `TaskSpec`.

        Args:
            on_corrupt_image: `"error"` to refuse images that cannot be read when a split is
                loaded, `"skip"` to leave them out. An npz file is always refused whole.
            index_dir: str or path of the folder for indexes, see `DataSettings`; `None` for none.
            data_dir, download: see `TaskSpec.load`, of a tfds data set.

        Raises:
            DataNotFoundError: if the images are missing or not as they must be.
            ValueError: if an argument is out of range.
        """
        if on_corrupt_image not in CORRUPT_RULES:
            raise ValueError(
                f"`on_corrupt_image` must be one of {', '.join(CORRUPT_RULES)}. "
                f"Received: {on_corrupt_image=}"
            )
        source = self._source(on_corrupt_image, index_dir, data_dir, download)
        size, channels, classes = source.image_size, source.channels, source.num_classes
        described = f"{classes} classes of {self.folder or self.npz or self.tfds}"
        spec = TaskSpec(self.name, size, channels, classes, source, True, self.pad, described)
        if self._is_known:
            spec = self._known_spec(spec)
        changed = {name: getattr(self, name) for name in ("augment", "crop_area", "jitter")}
        if self.flip is not None:
            changed["flip"] = self.flip
        return dataclasses.replace(spec, **changed)

    def _source(self, on_corrupt_image, index_dir, data_dir, download):
        size, channels = self.image_size, self.channels
        if self.npz is not None:
            return NpzSource(self.npz, size, channels, self.fit, self.test_share)
        options = {
            "channels": channels or 3,
            "fit": self.fit,
            "test_share": self.test_share,
            "on_corrupt_image": on_corrupt_image,
            "index_file": index_dir and self._index_file(index_dir),
        }
        if self.folder is not None:
            return FolderSource(self.folder, size, **options)
        return TfdsPhotographs(self.tfds, size, data_dir, download, **options)

    def _known_spec(self, spec):
        """Returns the `TaskSpec` of the known task, with the images of another."""
        known = get_task(self.name)
        found, expected = ((of.image_shape, of.num_classes) for of in (spec, known))
        if found != expected:
            raise DataNotFoundError(
                f"`npz` must hold images of {expected[0]} in {expected[1]} classes, as "
                f"'{self.name}' has. Received: {found[0]} in {found[1]} classes, npz={self.npz}"
            )
        pad = known.pad if spec.pad is None else spec.pad
        described = f"{known.description}, of {self.npz}"
        return dataclasses.replace(known, source=spec.source, pad=pad, description=described)

    def _index_file(self, index_dir):
        # A task may be tested on images elsewhere, which have an index of their own.
        if self.folder is not None:
            place = os.fsencode(os.path.abspath(os.path.expanduser(self.folder)))
        else:
            place = f"tfds:{self.tfds}".encode()
        return pathlib.Path(index_dir).expanduser() / f"{self.name}-{zlib.crc32(place):08x}.npz"


def parse_tasks(items):
    """Parses the names of tasks and the descriptions of own ones, without reading from disk.

    An item `NAME:OPTION=VALUE` starts a task of the user's own, and items `OPTION=VALUE` after it
    belong to it; an item without `=` is the name of a known task.

    Args:
        items: sequence of str.

    Returns:
        List in the order of the items: str for a known task, else `OwnTask`.

    Raises:
        ValueError: if an item or an option is malformed, repeated or unknown, or a name is taken.
    """
    tasks = []
    for item in items:
        before, is_option, value = item.partition("=")
        name, is_start, option = before.partition(":")
        if is_start:
            if not is_option:
                _refuse("have a value for every option", item)
            tasks.append((name.strip(), {}))
            _add_option(*tasks[-1], option.strip(), value.strip(), item)
        elif is_option:
            if not tasks or isinstance(tasks[-1], str):
                _refuse(f"have options behind the task they belong to, as in {_EXAMPLE}", item)
            _add_option(*tasks[-1], before.strip(), value.strip(), item)
        else:
            tasks.append(item)
    tasks = [task if isinstance(task, str) else _own_task(*task) for task in tasks]
    names = [task if isinstance(task, str) else task.name for task in tasks]
    if not names or len(set(names)) != len(names):
        _refuse("name at least one task, each once", ",".join(names))
    return tasks


def tasks_from_items(items, **options):
    """Returns the `TaskSpec`s that items name or describe, a list in their order.

    Args:
        items: see `parse_tasks`.
        **options: see `OwnTask.to_spec`.

    Raises:
        DataNotFoundError: if the user's own images are missing or not as they must be.
        ValueError: see `parse_tasks`; also if a name is not known.
    """
    specs = []
    for task in parse_tasks(items):
        if isinstance(task, str):
            specs.append(get_task(task))
        else:
            with _errors_of(task.name):
                specs.append(task.to_spec(**options))
    return specs


def _add_option(name, options, option, value, item):
    if option not in _OPTIONS:
        _refuse(f"have for '{name}' options of {', '.join(_OPTIONS)}", item)
    if option in options:
        _refuse(f"give `{option}` of '{name}' once", item)
    if not value:
        _refuse(f"give a value for `{option}` of '{name}'", item)
    parse, noun = _OPTIONS[option]
    try:
        options[option] = parse(value)
    except (KeyError, ValueError):
        _refuse(f"give {noun} for `{option}` of '{name}'", item)


def _own_task(name, options):
    with _errors_of(name):
        return OwnTask(name, **options)


@contextlib.contextmanager
def _errors_of(name):
    try:
        yield
    except (ValueError, DataNotFoundError) as error:
        raise type(error)(f"`tasks` must be valid for '{name}': {error}") from None


def _refuse(expected, received):
    raise ValueError(f"`tasks` must {expected}. Received: {received}")


def _image_size(text):
    """Parses `"48"` to an int and `"32x64"` to a pair, height first."""
    sides = tuple(map(int, text.lower().split("x")))
    if len(sides) > 2:
        raise ValueError(text)
    return sides[0] if len(sides) == 1 else sides


_TEXT, _INTEGER, _NUMBER = (str, "a text"), (int, "an integer"), (float, "a number")
# What parses the value of an option, and what it must be.
_OPTIONS = {
    "folder": _TEXT,
    "npz": _TEXT,
    "tfds": _TEXT,
    "image_size": (_image_size, "an integer or HEIGHTxWIDTH"),
    "channels": _INTEGER,
    "flip": (lambda text: {"true": True, "false": False}[text.lower()], "true or false"),
    "pad": _INTEGER,
    "fit": _TEXT,
    "test_share": _NUMBER,
    "augment": _TEXT,
    "crop_area": _NUMBER,
    "jitter": _NUMBER,
}
