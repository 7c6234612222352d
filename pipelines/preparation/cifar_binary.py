"""The archives `cifar-10-binary.tar.gz` and `cifar-100-binary.tar.gz`."""

import numpy as np

from pipelines.preparation.cifar_files import BINARY_FOLDERS, part_counts, part_names
from pipelines.preparation.class_names import MAX_BYTES, parse_names
from pipelines.preparation.content import Content, array_split
from pipelines.preparation.refusal import check_labels
from pipelines.preparation.safe_archive import SafeTar

_NAME_FILES = {
    "cifar10": {"label": "batches.meta.txt"},
    "cifar100": {"coarse_label": "coarse_label_names.txt", "label": "fine_label_names.txt"},
}


def read_cifar_binary(path, official):
    """Reads an archive of records: the labels, a byte each, then red, green and blue planes.

    Args:
        path: path of the archive.
        official: `OfficialSet` of cifar10 or cifar100.

    Returns:
        `Content`.

    Raises:
        ValueError: if the archive is damaged or holds something that it must not.
    """
    folder = BINARY_FOLDERS[official.name]
    # The order of the labels in a record is that of this dict.
    name_files = _NAME_FILES[official.name]
    parts, counts = part_names(official, ".bin"), part_counts(official)
    record = len(name_files) + official.image_bytes
    sizes = {f"{folder}/{name}": (1, MAX_BYTES) for name in name_files.values()}
    for split, names in parts.items():
        size = counts[split] * record
        sizes |= {f"{folder}/{name}": (size, size) for name in names}
    found = {name: stream.read(size) for name, size, stream in SafeTar(path, sizes).files()}
    splits = {}
    for split, names in parts.items():
        content = b"".join(found[f"{folder}/{name}"] for name in names)
        records = np.frombuffer(content, np.uint8).reshape(-1, record)
        labels = {feature: records[:, column] for column, feature in enumerate(name_files)}
        for feature, of in labels.items():
            check_labels(f"{split} in {path}", of, official.classes[feature])
        splits[split] = array_split(planes_to_images(records[:, len(labels) :], official), **labels)
    names = {
        feature: parse_names(
            f"{file} in {path}", found[f"{folder}/{file}"], official.classes[feature]
        )
        for feature, file in name_files.items()
    }
    return Content(splits, names)


def planes_to_images(planes, official):
    """Returns images `(examples, height, width, channels)` for rows of planes, without a copy."""
    height, width, channels = official.image_shape
    return planes.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
