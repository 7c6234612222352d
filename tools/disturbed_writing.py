"""Commands that write one thing, killed at random moments: it is whole or not there."""

import dataclasses
import pathlib
import signal
import typing
import zlib

from elastic_tf_tools import disturbances

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from elastic_tf.export.loaded_export import LoadedExport
from elastic_tf.files import output_folder

# A data set whose images have to be fetched by hand, and are not compared with known ones.
_PHOTOGRAPHS = "resisc45"
_OF_A_CLASS = 300  # So that it takes seconds to prepare.


@dataclasses.dataclass(frozen=True)
class Writing:
    """A command that writes one thing, whole or not at all.

    Attributes:
        command: str.
        options: tuple of str, all of its flags but one.
        flag: str, that which says where.
        place: path that it says.
        read: function of such a path to what is there, a dict of arrays; empty for nothing. Of
            something half there it raises.
    """

    command: str
    options: tuple
    flag: str
    place: pathlib.Path
    read: typing.Callable


def writings(folder):
    """Returns the `Writing`s to disturb, a list; all they need and write is in `folder`."""
    return [
        Writing(
            "export",
            (f"--model_dir={folder / 'in_peace'}", "--task=digits", "--budget=0.5"),
            "output_dir",
            folder / "exported",
            _read_export,
        ),
        Writing(
            "mix_data",
            ("--tasks=digits,fashion_mnist_small", "--disturb=noise,blur"),
            "output",
            folder / "mixed.npz",
            _read_npz,
        ),
        Writing(
            "prepare_data",
            (f"--tfds={_PHOTOGRAPHS}", f"--manual_dir={_write_photographs(folder / 'manual')}"),
            "data_dir",
            folder / "prepared",
            _read_prepared,
        ),
    ]


def _write_photographs(folder):
    """Writes images as they come from the authors of a data set; returns the folder."""
    for label, name in enumerate(("airplane", "beach", "bridge")):
        place = output_folder(folder / "NWPU-RESISC45" / name)
        for number in range(_OF_A_CLASS):
            pixels = np.full((256, 256, 3), (80 * label, number // 2, 99), np.uint8)
            Image.fromarray(pixels).save(place / f"{name}_{number:03}.jpg")
    return folder


def _read_export(place):
    images = np.linspace(0, 255, 64).astype(np.uint8).reshape(1, 8, 8, 1)
    return LoadedExport(place).predict(images) if place.exists() else {}


def _read_npz(place):
    if not place.exists():
        return {}
    with np.load(place) as arrays:
        return dict(arrays)


def _read_prepared(place):
    # The name of its version is what a data set gets in the end.
    for version in (place / _PHOTOGRAPHS).glob("[0-9]*"):
        images = tfds.builder_from_directory(version).as_data_source("train")
        return {"images": [zlib.crc32(each["image"]) for each in images]}
    return {}


def disturb_writing(writing, generator, count):
    """Returns what became of a `Writing`."""
    place = writing.place
    arguments = writing.command, *writing.options, f"--{writing.flag}={place}"
    reference = place.with_stem(f"{place.stem}_in_peace")
    seconds = disturbances.run(*arguments[:-1], f"--{writing.flag}={reference}")
    expected = writing.read(reference)
    times, tries, halves = 0, 0, 0
    while times < count:
        tries += 1
        status = disturbances.interrupt(
            arguments, signal.SIGKILL, generator.uniform(0.3, 1) * seconds
        )
        times += status != 0
        found = _read_or_none(writing, place)
        if found != {}:  # It may have its name just before the signal.
            halves += not _are_equal(found, expected)
            place.rename(place.with_stem(f"{place.stem}_{tries}"))
    disturbances.run(*arguments)
    halves += not _are_equal(_read_or_none(writing, place), expected)
    fault = f"{halves} times half there" if halves else ""
    return disturbances.told(writing.command, disturbances.KILL, times, "whole or not there", fault)


def _read_or_none(writing, place):
    """Returns what a `Writing` has left; `None` if it is half there."""
    try:
        return writing.read(place)
    except Exception:  # Each reader has errors of its own for what it cannot read.
        return None


def _are_equal(found, expected):
    return found is not None and all(
        name in found and np.array_equal(found[name], of) for name, of in expected.items()
    )
