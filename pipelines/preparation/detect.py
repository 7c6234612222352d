"""Finds out what kind of official files lie at a path."""

import dataclasses
import pathlib
from collections.abc import Callable

from pipelines.preparation.cifar_binary import read_cifar_binary
from pipelines.preparation.cifar_files import BINARY_FOLDERS, PYTHON_FOLDERS
from pipelines.preparation.cifar_python import read_cifar_python
from pipelines.preparation.content import Content
from pipelines.preparation.idx_files import find_idx_files, read_idx_files
from pipelines.preparation.keras_npz import read_keras_npz
from pipelines.preparation.official_sets import OFFICIAL_SETS, OfficialSet
from pipelines.preparation.refusal import refuse
from pipelines.preparation.safe_archive import tar_member_names
from pipelines.preparation.safe_zip import SafeZip
from pipelines.preparation.stl10_binary import FOLDER as STL10_FOLDER
from pipelines.preparation.stl10_binary import read_stl10_binary
from pipelines.preparation.svhn_mat import find_mat_files, read_svhn_mat
from pipelines.preparation.tiny_imagenet_files import FOLDER as TINY_IMAGENET_FOLDER
from pipelines.preparation.tiny_imagenet_jpegs import find_tiny_imagenet, read_tiny_imagenet

_GZIP, _ZIP = b"\x1f\x8b", b"PK"


@dataclasses.dataclass(frozen=True)
class Detected:
    """How to read what lies at a path.

    Attributes:
        read: function of the path and an `OfficialSet` that returns `Content`.
        tasks: the names of the data sets that the files can be.
        files: list of paths of the files that will be read and may have an official digest.
    """

    read: Callable[[pathlib.Path, OfficialSet], Content]
    tasks: tuple[str, ...]
    files: list[pathlib.Path]


# By the folder that all members of an archive are in.
_TARS = {
    STL10_FOLDER: (read_stl10_binary, ("stl10",)),
    **{folder: (read_cifar_binary, (task,)) for task, folder in BINARY_FOLDERS.items()},
    **{folder: (read_cifar_python, (task,)) for task, folder in PYTHON_FOLDERS.items()},
}


def detect(path, official):
    """Returns how to read files, by what they hold; their own names do not count.

    Args:
        path: `pathlib.Path` of a file or folder.
        official: `OfficialSet` that they must be.

    Returns:
        `Detected`.

    Raises:
        FileNotFoundError: if nothing is there.
        ValueError: if the files are damaged, of an unknown kind or of another data set.
    """
    if not path.exists():
        raise FileNotFoundError(f"`from` must be a path that exists. Received: from={path}")
    detected = _in_folder(path) if path.is_dir() else _in_file(path)
    if detected is None or official.name not in detected.tasks:
        refuse(
            path,
            f"be {official.forms}, or an npz file of {official.name}",
            f"files of {' or '.join(detected.tasks)}" if detected else "none of them",
        )
    return detected


def _in_folder(path):
    if files := find_idx_files(path):
        return Detected(read_idx_files, ("mnist", "fashion_mnist"), list(files.values()))
    if files := find_mat_files(path):
        return Detected(read_svhn_mat, ("svhn_cropped",), list(files.values()))
    if find_tiny_imagenet(path):
        return Detected(read_tiny_imagenet, ("tiny_imagenet",), [])
    return None


def _in_file(path):
    if path.suffix == ".npz":
        return Detected(read_keras_npz, tuple(OFFICIAL_SETS), [path])
    with path.open("rb") as stream:
        start = stream.read(2)
    if start == _ZIP:
        with SafeZip(path, within=TINY_IMAGENET_FOLDER) as archive:
            if archive.names():
                return Detected(read_tiny_imagenet, ("tiny_imagenet",), [path])
    if start == _GZIP:
        for name in tar_member_names(path):
            folder = name.partition("/")[0]
            if folder in _TARS:
                return Detected(*_TARS[folder], [path])
    return None
