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

NUM_IMAGES = {"train": 10, "test": 4, "extra": 3}
WNIDS = ["n03", "n01", "n02"]  # Not in alphabetical order: labels follow the lines of the file.


def images_and_labels(size, split):
    """Returns images of clothes, uint8 `(images, size, size, 3)`, and labels, an int array."""
    start = 20 * list(NUM_IMAGES).index(split)
    count = NUM_IMAGES[split]
    images = FashionMnistSmallSource().read("train")[0][start : start + count, ..., 0]
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    images = np.kron(images, np.ones((1, size // 32, size // 32), np.uint8))
    return np.stack([images, 255 - images, images // 2], -1), 7 * np.arange(count) % 10


def _cifar10(path):
    names = "".join(f"class {number:02}\n" for number in range(10)).encode()
    members = {"batches.meta.txt": names}
    parts = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
    for split, files in parts.items():
        images, labels = images_and_labels(32, split)
        planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        records = np.concatenate([labels[:, None].astype(np.uint8), planes], axis=1)
        for file, part in zip(files, np.split(records, len(files)), strict=True):
            members[f"{file}.bin"] = part.tobytes()
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def _svhn(path):
    images, labels = images_and_labels(32, path.name.partition("_")[0])
    labels = np.where(labels == 0, 10, labels)[:, np.newaxis]
    scipy.io.savemat(path, {"X": images.transpose(1, 2, 3, 0), "y": labels.astype(np.uint8)})


_WRITERS = {
    "cifar10": {"cifar-10-binary.tar.gz": _cifar10},
    "svhn_cropped": {f"{split}_32x32.mat": _svhn for split in ("train", "test", "extra")},
}


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
    images, _ = images_and_labels(64, "train")
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
