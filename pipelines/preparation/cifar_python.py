"""The archives `cifar-10-python.tar.gz` and `cifar-100-python.tar.gz`."""

import pickle

import numpy as np

from pipelines.preparation.cifar_binary import planes_to_images
from pipelines.preparation.cifar_files import (
    MAX_NAMES,
    PICKLE_SLACK,
    PYTHON_FOLDERS,
    part_counts,
    part_names,
)
from pipelines.preparation.class_names import check_names
from pipelines.preparation.content import Content, array_split
from pipelines.preparation.refusal import check_labels, refuse
from pipelines.preparation.safe_archive import SafeTar
from pipelines.preparation.safe_pickle import PickledArray, load_plain

# For every label feature: its key in the files of images, and that of its names in the other.
_META_FILES = {"cifar10": "batches.meta", "cifar100": "meta"}
_KEYS = {
    "cifar10": {"label": ("labels", "label_names")},
    "cifar100": {
        "label": ("fine_labels", "fine_label_names"),
        "coarse_label": ("coarse_labels", "coarse_label_names"),
    },
}


def read_cifar_python(path, official):
    """Reads an archive of pickled dicts; nothing in it is run.

    Args, Returns, Raises: see `read_cifar_binary`.
    """
    folder, meta = PYTHON_FOLDERS[official.name], _META_FILES[official.name]
    parts, counts = part_names(official, ""), part_counts(official)
    sizes = {f"{folder}/{meta}": (1, MAX_NAMES)}
    for split, names in parts.items():
        # A hundred bytes for what is pickled with every image: its labels and its file's name.
        highest = counts[split] * (official.image_bytes + 100) + PICKLE_SLACK
        sizes |= {f"{folder}/{name}": (counts[split], highest) for name in names}
    found = {}
    for name, size, stream in SafeTar(path, sizes).files():
        found[name] = _load(f"{name} in {path}", stream.read(size))
    splits = {}
    for split, names in parts.items():
        files = [
            _part(f"{name} in {path}", found[f"{folder}/{name}"], official, counts[split])
            for name in names
        ]
        images = np.concatenate([images for images, _ in files])
        labels = {
            feature: np.concatenate([labels[feature] for _, labels in files])
            for feature in _KEYS[official.name]
        }
        splits[split] = array_split(planes_to_images(images, official), **labels)
    return Content(splits, _names(f"{meta} in {path}", found[f"{folder}/{meta}"], official))


def _load(file, content):
    try:
        value = load_plain(content)
    except pickle.UnpicklingError as error:
        refuse(file, "be a pickle of plain values and uint8 arrays", error)
    if not isinstance(value, dict):
        refuse(file, "hold a dict", type(value).__name__)
    # Python 2 wrote the keys as bytes.
    return {
        key.decode("latin1") if isinstance(key, bytes) else key: of for key, of in value.items()
    }


def _part(file, values, official, count):
    """Returns rows of planes, uint8 `(count, bytes)`, and a dict from label feature to array."""
    pixels = values.get("data")
    pixels = pixels.array if isinstance(pixels, PickledArray) else None
    shape = (count, official.image_bytes)
    if pixels is None or pixels.shape != shape:
        refuse(file, f"have uint8 'data' of shape {shape}", getattr(pixels, "shape", "no array"))
    labels = {}
    for feature, (key, _) in _KEYS[official.name].items():
        listed = values.get(key)
        if not isinstance(listed, list) or not all(type(label) is int for label in listed):
            refuse(file, f"have a list of int '{key}'", type(listed).__name__)
        if len(listed) != count:
            refuse(file, f"have {count} '{key}'", len(listed))
        try:
            labels[feature] = np.array(listed, np.int64)
        except OverflowError:
            refuse(
                file,
                f"have '{key}' below {official.classes[feature]}",
                "an integer of over 64 bits",
            )
        check_labels(file, labels[feature], official.classes[feature])
    return pixels, labels


def _names(file, values, official):
    names = {}
    for feature, (_, key) in _KEYS[official.name].items():
        listed = values.get(key)
        if not isinstance(listed, list) or not all(isinstance(of, bytes | str) for of in listed):
            refuse(file, f"have a list of text '{key}'", type(listed).__name__)
        texts = [of.decode("utf-8", "replace") if isinstance(of, bytes) else of for of in listed]
        names[feature] = check_names(file, texts, official.classes[feature])
    return names
