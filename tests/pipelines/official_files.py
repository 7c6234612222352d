"""Small stand-ins of official archives, laid out by hand from their public descriptions."""

import contextlib
import dataclasses
import hashlib
import io
import pathlib
import tarfile
import zipfile
from unittest import mock

import numpy as np
import scipy.io
import tensorflow_datasets as tfds
from PIL import Image

from pipelines.sources import FashionMnistSmallSource

NUM_IMAGES = {"train": 10, "test": 4, "extra": 3, "unlabelled": 2}
WNIDS = ["n03", "n01", "n02"]  # Not in alphabetical order: labels follow the lines of the file.


def images_and_labels(size, num_classes, split):
    """Returns images of clothes, uint8 `(images, size, size, 3)`, and labels, an int array."""
    start = 20 * list(NUM_IMAGES).index(split)
    count = NUM_IMAGES[split]
    images = FashionMnistSmallSource().read("train")[0][start : start + count, ..., 0]
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    images = np.kron(images, np.ones((1, size // 32, size // 32), np.uint8))
    return np.stack([images, 255 - images, images // 2], -1), 7 * np.arange(count) % num_classes


def _planes(images):
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def _tar_gz(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def _names(count):
    return "".join(f"class {number:02}\n" for number in range(count)).encode()


def _cifar(path, num_classes):
    """Writes CIFAR-10 or, with a coarse label before the fine one, CIFAR-100."""
    folder = "cifar-10-batches-bin" if num_classes == 10 else "cifar-100-binary"
    members = {"batches.meta.txt": _names(10)}
    parts = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
    if num_classes == 100:
        members = {"coarse_label_names.txt": _names(20), "fine_label_names.txt": _names(100)}
        parts = {"train": ["train"], "test": ["test"]}
    for split, files in parts.items():
        images, labels = images_and_labels(32, num_classes, split)
        labels = labels[:, None] if num_classes == 10 else np.stack([labels % 20, labels], 1)
        records = np.concatenate([labels.astype(np.uint8), _planes(images)], axis=1)
        for file, part in zip(files, np.split(records, len(files)), strict=True):
            members[f"{file}.bin"] = part.tobytes()
    _tar_gz(path, {f"{folder}/{name}": content for name, content in members.items()})


def _stl10(path):
    members = {"class_names.txt": _names(10)}
    for split, file in (("train", "train"), ("test", "test"), ("unlabelled", "unlabeled")):
        images, labels = images_and_labels(96, 10, split)
        members[f"{file}_X.bin"] = images.transpose(0, 3, 2, 1).tobytes()
        members[f"{file}_y.bin"] = (labels + 1).astype(np.uint8).tobytes()
    _tar_gz(path, {f"stl10_binary/{name}": content for name, content in members.items()})


def _svhn(path):
    images, labels = images_and_labels(32, 10, path.name.partition("_")[0])
    labels = np.where(labels == 0, 10, labels)[:, np.newaxis]
    scipy.io.savemat(path, {"X": images.transpose(1, 2, 3, 0), "y": labels.astype(np.uint8)})


_WRITERS = {
    "cifar10": {"cifar-10-binary.tar.gz": lambda path: _cifar(path, 10)},
    "cifar100": {"cifar-100-binary.tar.gz": lambda path: _cifar(path, 100)},
    "stl10": {"stl10_binary.tar.gz": _stl10},
    "svhn_cropped": {f"{split}_32x32.mat": _svhn for split in ("train", "test", "extra")},
}
SIZES = {"cifar10": (32, 10), "cifar100": (32, 100), "stl10": (96, 10), "svhn_cropped": (32, 10)}


@contextlib.contextmanager
def official_archives(name, folder):
    """Writes the archives of a data set, which are the official ones as long as this lasts."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for file, write in _WRITERS[name].items():
        write(folder / file)
    builder = tfds.builder_cls(name)
    known = {}
    for url, info in builder.url_infos.items():
        content = (folder / info.filename).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        known[url] = dataclasses.replace(info, size=len(content), checksum=digest)
    with mock.patch.object(builder, "url_infos", known):
        yield folder


def _jpeg(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def tiny_imagenet():
    """Returns the files of Tiny ImageNet, a dict from path to bytes; the first image is grey.

    Six train images, two of a class in the order of `WNIDS`, and three test images.
    """
    images, _ = images_and_labels(64, 3, "train")
    files = {"wnids.txt": "\n".join(WNIDS).encode() + b"\n"}
    for number, image in enumerate(images[:6]):
        wnid = WNIDS[number // 2]
        pixels = image if number else image[..., 0]
        files[f"train/{wnid}/images/{wnid}_{number}.JPEG"] = _jpeg(pixels)
    lines = []
    for number, wnid in enumerate(["n02", "n03", "n01"]):
        files[f"val/images/val_{number}.JPEG"] = _jpeg(images[6 + number])
        lines.append(f"val_{number}.JPEG\t{wnid}\t0\t32\t44\t62\n")
    return files | {"val/val_annotations.txt": "".join(lines).encode()}


def write_tiny_imagenet(folder, files, as_zip):
    """Writes the archive, or the folder that it unpacks to, into `folder`."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / "tiny-imagenet-200"
    if as_zip:
        with zipfile.ZipFile(f"{root}.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(f"{root.name}/{name}", content)
        return
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
