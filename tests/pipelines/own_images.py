"""Folders of real images, for tests of a user's own data."""

import pathlib

import numpy as np
from PIL import Image

from pipelines.sources import DigitsSource

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def digit_images(name, count):
    """Returns the first images of a digit, uint8 `(count, 8, 8)`; `name` is one of `NAMES`."""
    images, labels = DigitsSource().read("train")
    return images[labels == NAMES.index(name), :, :, 0][:count]


def write_class(folder, name, count, suffix="png"):
    """Writes the first images of a digit as `folder/name/00.png`, `01.png`, ..."""
    place = pathlib.Path(folder) / name
    place.mkdir(parents=True)
    for number, image in enumerate(digit_images(name, count)):
        Image.fromarray(image).save(place / f"{number:02}.{suffix}")
    return place


def write_classes(folder, counts, suffix="png"):
    """Writes a folder of several digits; `counts` is a dict from name to number of images."""
    for name, count in counts.items():
        write_class(folder, name, count, suffix)
    return pathlib.Path(folder)


def write_photographs(folder, counts, suffix="jpg"):
    """Writes a folder of colour images of many sizes; `counts` is a dict from class to number.

    Red grows from left to right and green from top to bottom, so that a part shows where it was
    taken; blue is the number of the image.
    """
    folder = pathlib.Path(folder)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            image = photograph(60 + 7 * (number % 9), 150 - 8 * (number % 11), number)
            Image.fromarray(image).save(folder / name / f"{number:03}.{suffix}", quality=95)
    return folder


def photograph(height, width, blue=0):
    """Returns an image as `write_photographs` writes it, uint8 `(height, width, 3)`."""
    green, red = np.meshgrid(
        *((np.arange(of) + 0.5) * 255 / of for of in (height, width)), indexing="ij"
    )
    return np.rint(np.stack([red, green, np.full_like(red, blue)], axis=-1)).astype(np.uint8)


def damage(path):
    """Cuts the end off a file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def images_of(dataset):
    """Returns the images and labels of a split as two arrays."""
    pairs = list(dataset.as_numpy_iterator())
    return np.stack([image for image, _ in pairs]), np.array([label for _, label in pairs])
