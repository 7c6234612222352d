"""The four IDX files of MNIST and Fashion-MNIST."""

import gzip
import pathlib
import struct
import zlib

import numpy as np

from pipelines.preparation.content import Content, array_split
from pipelines.preparation.refusal import check_labels, check_size, refuse

_PREFIXES = {"train": "train", "test": "t10k"}
_KINDS = {"images": "idx3", "labels": "idx1"}
_UNSIGNED_BYTES = 8


def find_idx_files(folder):
    """Returns the IDX files in a folder.

    Both spellings are known, `train-images-idx3-ubyte` and `train-images.idx3-ubyte`; of a file
    that is there with and without `.gz`, the former counts.

    Args:
        folder: `pathlib.Path`.

    Returns:
        Dict from `(split, "images" or "labels")` to the path of those that are there.
    """
    found = {}
    for split, prefix in _PREFIXES.items():
        for kind, idx in _KINDS.items():
            stems = [f"{prefix}-{kind}{dash}{idx}-ubyte" for dash in "-."]
            names = [f"{stem}.gz" for stem in stems] + stems
            there = [folder / name for name in names if (folder / name).is_file()]
            if there:
                found[split, kind] = there[0]
    return found


def read_idx_files(path, official):
    """Reads a folder of IDX files.

    Args:
        path: path of the folder.
        official: `OfficialSet` of mnist or fashion_mnist.

    Returns:
        `Content`.

    Raises:
        ValueError: if a file is missing or damaged, or holds other numbers than it must.
    """
    files = find_idx_files(pathlib.Path(path))
    splits = {}
    for split, prefix in _PREFIXES.items():
        for kind, idx in _KINDS.items():
            if (split, kind) not in files:
                refuse(path, f"hold {prefix}-{kind}-{idx}-ubyte.gz", "a folder without it")
        count = official.counts[split]
        height, width, _ = official.image_shape
        images = _read(files[split, "images"], (count, height, width))
        labels = _read(files[split, "labels"], (count,))
        check_labels(files[split, "labels"], labels, official.num_classes)
        splits[split] = array_split(images[..., np.newaxis], label=labels)
    return Content(splits)


def _read(file, shape):
    """Returns the uint8 array of a file, after a check that its header says the shape."""
    header = struct.pack(f">HBB{len(shape)}I", 0, _UNSIGNED_BYTES, len(shape), *shape)
    size = len(header) + int(np.prod(shape))
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            start = stream.read(len(header))
            if start != header:
                refuse(file, f"be an IDX file of bytes of shape {shape}", _described(start))
            # One byte more, to find those that must not be there.
            content = stream.read(size - len(header) + 1)
    except (EOFError, OSError, zlib.error) as error:
        refuse(file, "be a whole file", error)
    check_size(file, len(header) + len(content), size)
    return np.frombuffer(content, np.uint8).reshape(shape)


def _described(header):
    if header[:3] != bytes([0, 0, _UNSIGNED_BYTES]) or len(header) % 4:
        return f"a file that starts with {header[:4].hex() or 'nothing'}"
    return f"shape {struct.unpack(f'>{len(header) // 4 - 1}I', header[4:])}"
