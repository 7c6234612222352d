"""Data sets as Keras keeps them: an npz file of `x_train`, `y_train`, `x_test` and `y_test`."""

import math
import zipfile

import numpy as np

from pipelines.preparation.cifar100_classes import COARSE_LABELS, COARSE_NAMES, FINE_NAMES
from pipelines.preparation.content import Content, array_split
from pipelines.preparation.refusal import check_labels, check_size, refuse
from pipelines.preparation.safe_zip import SafeZip

# Such a file does not tell them. tfds itself knows those of Fashion-MNIST and no others.
_CLASS_NAMES = {
    "cifar10": {
        "label": [
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ]
    },
    "cifar100": {"label": FINE_NAMES, "coarse_label": COARSE_NAMES},
    "stl10": {
        "label": [
            "airplane",
            "bird",
            "car",
            "cat",
            "deer",
            "dog",
            "horse",
            "monkey",
            "ship",
            "truck",
        ]
    },
}
_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_MAX_HEADER = 2**12


def read_keras_npz(path, official):
    """Reads train and test images of an npz file; other arrays in it are not looked at.

    Images are uint8 `(examples, height, width)` or `(examples, height, width, channels)`, labels
    integers `(examples,)` or `(examples, 1)` from 0 on.

    Args:
        path: path of the file.
        official: `OfficialSet`.

    Returns:
        `Content`. It has no splits but `train` and `test`.

    Raises:
        ValueError: if the file is damaged or holds other arrays than it must.
    """
    splits = {}
    with SafeZip(path) as archive:
        for split in ("train", "test"):
            images, labels = _read_split(archive, split, official)
            features = {"label": labels}
            if official.num_coarse:
                features["coarse_label"] = np.array(COARSE_LABELS)[labels]
            splits[split] = array_split(images, **features)
    names = _CLASS_NAMES.get(official.name, {})
    return Content(splits, {feature: list(of) for feature, of in names.items()})


def _read_split(archive, split, official):
    count, shape = official.counts[split], official.image_shape
    shapes = [(count, *shape)] + ([(count, *shape[:2])] if shape[2] == 1 else [])
    images = _read(archive, f"x_{split}", shapes, [np.dtype(np.uint8)])
    integers = [np.dtype(code) for code in np.typecodes["AllInteger"]]
    labels = _read(archive, f"y_{split}", [(count,), (count, 1)], integers).reshape(-1)
    check_labels(f"y_{split} in {archive.path}", labels, official.num_classes)
    return images.reshape(count, *shape), labels.astype(np.int64)


def _read(archive, name, shapes, dtypes):
    """Returns an array, of which the header is checked before the rest is read."""
    file = f"{name} in {archive.path}"
    with archive.open(f"{name}.npy") as stream:
        shape, is_fortran, dtype = _header(file, stream)
        if dtype.newbyteorder("=") not in dtypes:
            kind = "uint8" if len(dtypes) == 1 else "integers"
            refuse(file, f"have the dtype {kind}", dtype)
        if shape not in shapes:
            refuse(file, f"have the shape {' or '.join(map(str, shapes))}", shape)
        size = math.prod(shape) * dtype.itemsize
        check_size(file, archive.size(f"{name}.npy"), stream.tell() + size)
        content = archive.read_from(stream, size)
    order = "F" if is_fortran else "C"
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _header(file, stream):
    try:
        version = np.lib.format.read_magic(stream)
        return _HEADER_READERS[version](stream, max_header_size=_MAX_HEADER)
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        return refuse(file, "be an array of numbers", error)
