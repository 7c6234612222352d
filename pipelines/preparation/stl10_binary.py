"""The archive `stl10_binary.tar.gz`."""

import numpy as np

from pipelines.preparation.class_names import MAX_BYTES, parse_names
from pipelines.preparation.content import Content
from pipelines.preparation.refusal import check_labels
from pipelines.preparation.safe_archive import SafeTar

FOLDER = "stl10_binary"
_NAMES = f"{FOLDER}/class_names.txt"
_IMAGES = {
    "train": f"{FOLDER}/train_X.bin",
    "test": f"{FOLDER}/test_X.bin",
    "unlabelled": f"{FOLDER}/unlabeled_X.bin",
}
_LABELS = {"train": f"{FOLDER}/train_y.bin", "test": f"{FOLDER}/test_y.bin"}


def read_stl10_binary(path, official):
    """Reads an archive of images in planes of columns, and labels from 1 on, a byte each.

    Images are read from the archive anew whenever they are asked for, since those without a label
    do not fit in a small memory; tfds gives them the label -1.

    Args, Returns, Raises: see `read_cifar_binary`.
    """
    counts = official.counts
    sizes = {_NAMES: (1, MAX_BYTES)}
    for split, name in _IMAGES.items():
        sizes[name] = (counts[split] * official.image_bytes,) * 2
    for split, name in _LABELS.items():
        sizes[name] = (counts[split],) * 2
    tar = SafeTar(path, sizes)
    small = {_NAMES, *_LABELS.values()}
    # To its end, which checks the whole archive.
    found = {name: stream.read(size) for name, size, stream in tar.files() if name in small}
    splits = {}
    for split in _IMAGES:
        labels = np.full(counts[split], -1, np.int64)
        if split in _LABELS:
            stored = np.frombuffer(found[_LABELS[split]], np.uint8).astype(np.int64)
            check_labels(f"{_LABELS[split]} in {path}", stored, official.num_classes, first=1)
            labels = stored - 1
        splits[split] = _split(tar, _IMAGES[split], labels, official)
    names = parse_names(f"{_NAMES} in {path}", found[_NAMES], official.num_classes)
    return Content(splits, {"label": names})


def _split(tar, name, labels, official):
    height, width, channels = official.image_shape

    def examples():
        images = tar.chunks(name, official.image_bytes)
        for label, content in zip(labels, images, strict=True):
            planes = np.frombuffer(content, np.uint8).reshape(channels, width, height)
            yield {"image": planes.transpose(2, 1, 0), "label": int(label)}

    return examples
