"""The MATLAB files of the cropped Street View House Numbers."""

import pathlib
import struct
import zlib

import numpy as np

from pipelines.preparation.content import Content
from pipelines.preparation.refusal import check_labels, refuse

_HEADER = 128
_COMPRESSED = 15
_CHUNK = 2**20
_SLACK = 2**16
_SPLITS = ("train", "test", "extra")


def find_mat_files(folder):
    """Returns a dict from split to the path of its file, of those that are in a folder."""
    files = {split: folder / f"{split}_32x32.mat" for split in _SPLITS}
    return {split: file for split, file in files.items() if file.is_file()}


def read_svhn_mat(path, official):
    """Reads a folder of MATLAB files; `extra_32x32.mat` may be left out.

    The files are read anew whenever their images are asked for, as together they are large.

    Args:
        path: path of the folder.
        official: `OfficialSet` of svhn_cropped.

    Returns:
        `Content`. The digit 0, which the files call 10, has the label 0.

    Raises:
        ValueError: if a file is missing or damaged, or holds other arrays than it must.
    """
    files = find_mat_files(pathlib.Path(path))
    for split in official.counts:
        if split not in files and split not in official.optional:
            refuse(path, f"hold {split}_32x32.mat", "a folder without it")
    for split, file in files.items():
        _load(file, official, official.counts[split])
    return Content({split: _split(file, official, split) for split, file in files.items()})


def _split(file, official, split):
    def examples():
        images, labels = _load(file, official, official.counts[split])
        for image, label in zip(np.moveaxis(images, -1, 0), labels[:, 0], strict=True):
            yield {"image": image, "label": int(label) % 10}

    return examples


def _load(file, official, count):
    """Returns uint8 `(height, width, channels, count)` and labels from 1 to 10 `(count, 1)`."""
    import scipy.io  # Here, since its import takes a while and no other data set needs it.

    shapes = {"X": (*official.image_shape, count), "y": (count, 1)}
    _check_elements(file, official.image_bytes * count + _SLACK)
    try:
        found = {name: (shape, kind) for name, shape, kind in scipy.io.whosmat(file)}
    except Exception as error:  # SciPy raises whatever the parser of a damaged file did.
        refuse(file, "be a MATLAB 5 file", error)
    for name, shape in shapes.items():
        if found.get(name) != (shape, "uint8"):
            refuse(file, f"have a uint8 '{name}' of shape {shape}", found.get(name, "none"))
    try:
        arrays = scipy.io.loadmat(file, variable_names=list(shapes))
    except Exception as error:
        refuse(file, "be a whole MATLAB 5 file", error)
    images, labels = arrays["X"], arrays["y"]
    if (images.shape, labels.shape) != (shapes["X"], shapes["y"]):  # Two of the same name.
        refuse(file, "have each array once", f"shapes {images.shape} and {labels.shape}")
    check_labels(file, labels, official.num_classes, first=1)
    return images, labels


def _check_elements(file, limit):
    """Refuses a file whose elements are cut off, or larger than they may be once unpacked."""
    with file.open("rb") as stream:
        end = stream.seek(0, 2)
        stream.seek(_HEADER)
        while stream.tell() < end:
            tag = stream.read(8)
            if len(tag) < 8:
                refuse(file, "be a whole file", f"{end:,} bytes")
            kind, size = struct.unpack("<II", tag)
            if stream.tell() + size > end:
                refuse(file, "be a whole file", f"{end:,} bytes")
            if kind == _COMPRESSED:
                _check_unpacked(file, stream, size, limit)
            else:
                stream.seek(size, 1)


def _check_unpacked(file, stream, size, limit):
    unpacker, unpacked = zlib.decompressobj(), 0
    while size:
        content = stream.read(min(size, _CHUNK))
        size -= len(content)
        while content:
            try:
                unpacked += len(unpacker.decompress(content, _CHUNK))
            except zlib.error as error:
                refuse(file, "have whole arrays", error)
            content = unpacker.unconsumed_tail
            if unpacked > limit:
                refuse(file, f"have arrays of at most {limit:,} bytes", "a larger one")
    if not unpacker.eof:
        refuse(file, "have whole arrays", "one that is cut off")
