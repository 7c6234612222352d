"""Image files, as the batches that an export takes."""

import os
import pathlib

import numpy as np

from pipelines.sources.image_decoding import IMAGE_SUFFIXES
from pipelines.sources.readable_images import ReadableImages


def image_paths(arguments):
    """Returns the image files that are named, in order.

    Args:
        arguments: list of str. A file counts whatever its suffix; of a folder and those within it,
            files count that have an image's suffix and are not hidden, sorted.

    Returns:
        List of `pathlib.Path`. What does not exist is in it; reading it will fail.
    """
    paths = []
    for argument in arguments:
        path = pathlib.Path(argument).expanduser()
        paths += _files_in(path) if path.is_dir() else [path]
    return paths


def image_batches(paths, image, dtype, batch_size):
    """Reads image files in batches.

    Args:
        paths: list of path.
        image: dict, what a manifest says of a task's images.
        dtype: str.
        batch_size: int >= 1.

    Yields:
        Paths that could be read, a list; their images, an array `(paths, height, width, channels)`;
        and a dict from the others of the batch to the reason, a str.
    """
    # Images are read once; nothing is gained by keeping them.
    reader = ReadableImages(image["height"], image["channels"], image["fit"], kept_bytes=0)
    for start in range(0, len(paths), batch_size):
        read, images, faults = [], [], {}
        for path in paths[start : start + batch_size]:
            try:
                images.append(reader.read(path))
                read.append(path)
            except ValueError as error:
                faults[path] = str(error)
        shape = (len(read), image["height"], image["width"], image["channels"])
        yield read, np.array(images, dtype).reshape(shape), faults


def _files_in(folder):
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            pathlib.Path(parent) / name
            for name in names
            if not name.startswith(".") and pathlib.Path(name).suffix.lower() in IMAGE_SUFFIXES
        ]
    return sorted(found)
