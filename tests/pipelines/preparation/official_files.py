"""Tiny files in the official formats, laid out by hand from their public descriptions."""

import dataclasses
import gzip
import io
import pathlib
import pickle
import struct
import tarfile
import types
import zipfile
from unittest import mock

import numpy as np
import scipy.io
import tensorflow_datasets as tfds
from PIL import Image

from pipelines.preparation.local_builder import official_builder_class
from pipelines.preparation.official_sets import OFFICIAL_SETS
from pipelines.sources.fashion_mnist_small import FashionMnistSmallSource

WNIDS = ["n03", "n01", "n02"]  # Not in alphabetical order: labels follow the lines of the file.
NAMES = [f"class {letter}" for letter in "abcdefghij"]
FINE = [f"fine {number:02}" for number in range(100)]
COARSE = [f"coarse {number:02}" for number in range(20)]


def tiny_set(name):
    """Returns the `OfficialSet` of a task with a few images."""
    counts = {"train": 10, "test": 4, "unlabelled": 6, "extra": 3}
    official = OFFICIAL_SETS[name]
    counts = {split: counts[split] for split in official.counts}
    if name == "tiny_imagenet":
        return dataclasses.replace(official, counts={"train": 6, "test": 3}, num_classes=3)
    return dataclasses.replace(official, counts=counts)


def real_images(name, split):
    """Returns real images in the shape of a task, uint8, and labels, int."""
    official = tiny_set(name)
    count, (height, _, channels) = official.counts[split], official.image_shape
    start = 20 * list(official.counts).index(split)
    images, _ = FashionMnistSmallSource().read("train")
    images = images[start : start + count, ..., 0]
    if height > 28:
        images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
        images = np.kron(images, np.ones((1, height // 32, height // 32), np.uint8))
    planes = [images, 255 - images, images // 2][:channels]
    labels = (7 * np.arange(count) + start + 3) % official.num_classes
    return np.stack(planes, -1), labels


def tar_gz(path, members):
    """Writes an archive of `(name or TarInfo, bytes)`."""
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            if info.isreg():
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def _planes(images):
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def cifar10_binary():
    """Returns the members of the archive, a dict from name to bytes."""
    members = {"batches.meta.txt": "\n".join(NAMES).encode() + b"\n\n"}
    for split, files in (
        ("train", [f"data_batch_{number}.bin" for number in range(1, 6)]),
        ("test", ["test_batch.bin"]),
    ):
        images, labels = real_images("cifar10", split)
        records = [
            bytes([label]) + row.tobytes()
            for label, row in zip(labels, _planes(images), strict=True)
        ]
        for number, file in enumerate(files):
            size = len(records) // len(files)
            members[file] = b"".join(records[number * size : (number + 1) * size])
    return {f"cifar-10-batches-bin/{name}": content for name, content in members.items()}


def cifar10_python(protocol=2):
    """Returns the members of the archive, a dict from name to bytes."""
    members = {"batches.meta": pickle.dumps({"label_names": NAMES}, protocol)}
    for split, files in (
        ("train", [f"data_batch_{number}" for number in range(1, 6)]),
        ("test", ["test_batch"]),
    ):
        images, labels = real_images("cifar10", split)
        size = len(images) // len(files)
        for number, file in enumerate(files):
            part = slice(number * size, (number + 1) * size)
            data, listed = _planes(images)[part].copy(), [int(label) for label in labels[part]]
            names = [f"{number}.png" for number in range(size)]
            values = {"data": data, "labels": listed, "filenames": names, "batch_label": "x"}
            members[file] = pickle.dumps(values, protocol)
    return {f"cifar-10-batches-py/{name}": content for name, content in members.items()}


def cifar100_binary(coarse_of=lambda labels: labels % 20):
    """Returns the members of the archive, a dict from name to bytes."""
    members = {
        "coarse_label_names.txt": "\n".join(COARSE).encode() + b"\n",
        "fine_label_names.txt": "\n".join(FINE).encode() + b"\n",
    }
    for split in ("train", "test"):
        images, labels = real_images("cifar100", split)
        rows = zip(coarse_of(labels), labels, _planes(images), strict=True)
        records = [bytes([coarse, fine]) + row.tobytes() for coarse, fine, row in rows]
        members[f"{split}.bin"] = b"".join(records)
    return {f"cifar-100-binary/{name}": content for name, content in members.items()}


def cifar100_python():
    """Returns the members of the archive, a dict from name to bytes."""
    members = {"meta": pickle.dumps({"fine_label_names": FINE, "coarse_label_names": COARSE}, 2)}
    for split in ("train", "test"):
        images, labels = real_images("cifar100", split)
        values = {
            "data": _planes(images).copy(),
            "fine_labels": [int(label) for label in labels],
            "coarse_labels": [int(label) % 20 for label in labels],
        }
        members[split] = pickle.dumps(values, 2)
    return {f"cifar-100-python/{name}": content for name, content in members.items()}


def stl10_binary():
    """Returns the members of the archive, a dict from name to bytes."""
    members = {"class_names.txt": "\n".join(NAMES).encode() + b"\n"}
    for split, file in (("test", "test"), ("train", "train"), ("unlabelled", "unlabeled")):
        images, labels = real_images("stl10", split)
        members[f"{file}_X.bin"] = images.transpose(0, 3, 2, 1).tobytes()
        if split != "unlabelled":
            members[f"{file}_y.bin"] = (labels + 1).astype(np.uint8).tobytes()
    return {f"stl10_binary/{name}": content for name, content in members.items()}


def idx_files(name="mnist"):
    """Returns the files of a folder, a dict from name to bytes, uncompressed."""
    files = {}
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images, labels = real_images(name, split)
        header = struct.pack(">4I", 2051, len(images), 28, 28)
        files[f"{prefix}-images-idx3-ubyte"] = header + images.tobytes()
        header = struct.pack(">2I", 2049, len(labels))
        files[f"{prefix}-labels-idx1-ubyte"] = header + labels.astype(np.uint8).tobytes()
    return files


def svhn_folder(folder, splits=("train", "test", "extra")):
    """Writes the MATLAB files and returns the folder."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for split in splits:
        images, labels = real_images("svhn_cropped", split)
        arrays = {
            "X": images.transpose(1, 2, 3, 0),
            "y": np.where(labels == 0, 10, labels).astype(np.uint8)[:, np.newaxis],
        }
        scipy.io.savemat(folder / f"{split}_32x32.mat", arrays, do_compression=True)
    return folder


def jpeg(image):
    """Returns an image as the bytes of a JPEG file."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def tiny_imagenet():
    """Returns the members of the archive, a dict from name to bytes; the first is grey."""
    members = {"wnids.txt": "\n".join(WNIDS).encode() + b"\n"}
    images, _ = FashionMnistSmallSource().read("train")
    images = np.pad(images[:9], ((0, 0), (18, 18), (18, 18), (0, 0)))
    for number, image in enumerate(images[:6]):
        wnid = WNIDS[number // 2]
        pixels = image[..., 0] if number == 0 else np.concatenate([image, 255 - image, image], -1)
        members[f"train/{wnid}/images/{wnid}_{number}.JPEG"] = jpeg(pixels)
    lines = []
    for number, wnid in enumerate(["n02", "n03", "n01"]):
        members[f"val/images/val_{number}.JPEG"] = jpeg(np.repeat(images[6 + number], 3, -1))
        lines.append(f"val_{number}.JPEG\t{wnid}\t0\t32\t44\t62\n")
    members["val/val_annotations.txt"] = "".join(lines).encode()
    return {f"tiny-imagenet-200/{name}": content for name, content in members.items()}


def write_zip(path, members):
    """Writes a zip archive of a dict from name to bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_folder(folder, files, suffix=""):
    """Writes a dict from name to bytes below a folder; gzipped where the suffix is `.gz`."""
    for name, content in files.items():
        path = pathlib.Path(folder) / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if suffix == ".gz" else content)
    return pathlib.Path(folder)


def keras_arrays(name):
    """Returns the arrays of an npz file."""
    arrays = {}
    for split in ("train", "test"):
        arrays[f"x_{split}"], arrays[f"y_{split}"] = real_images(name, split)
    return arrays


def run_official(name, extracted, data_dir):
    """Prepares a data set with the official builder, as if `extracted` had been downloaded."""
    builder = official_builder_class(name)(data_dir=str(data_dir))
    manager = types.SimpleNamespace(
        download_and_extract=extracted, download=extracted, downloaded_size=0
    )
    config = tfds.download.DownloadConfig(try_download_gcs=False)
    with mock.patch.object(builder, "_make_download_manager", return_value=manager):
        builder.download_and_prepare(download_config=config)
    return pathlib.Path(builder.data_dir)


def contents(folder):
    """Returns a dict from the relative path of every file below a folder to its bytes."""
    folder = pathlib.Path(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
