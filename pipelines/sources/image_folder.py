"""How a folder of images is laid out: its classes, its splits and its files."""

import os
import pathlib

import numpy as np

from pipelines.sources.image_files import image_suffixes
from pipelines.sources.split import DataNotFoundError

# What folders of splits are called, in any case of letters.
_SPLIT_OF = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


class ImageFolder:
    """Lists classes and files without opening an image.

    Either the class folders lie in the folder itself, or in folders of splits: `train`, and where
    they are there `test` and `val`. Images may lie in folders within a class folder. Hidden files
    and files without an image's suffix are left out.

    Args:
        folder: str or path; a `~` at its start is the home folder.

    Attributes:
        classes: list of str, the names of the class folders of train, sorted; labels count them.
        files: dict from split (`"train"`, and `"validation"` and `"test"` if they have folders) to
            the paths, a bytes array `(files,)`, relative to the folder, and the labels, an int32
            array `(files,)`; by class and then by path.
        changed: dict from the relative path of every folder looked into to when it was changed, in
            nanoseconds. As long as these stay, so do classes and files.

    Raises:
        DataNotFoundError: if the folder is missing or cannot be read, or is laid out otherwise.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder).expanduser()
        self.changed = {}
        if not self.folder.is_dir():
            self.refuse("be a folder that exists")
        parts = self._parts()
        self.classes = self._folders(parts["train"])
        if len(self.classes) < 2:
            self.refuse(
                f"hold at least 2 class folders with images, in {parts['train']}, "
                f"but it has {len(self.classes)}"
            )
        self.files = {split: self._files(part) for split, part in parts.items()}

    def refuse(self, expected):
        """Raises the `DataNotFoundError` that says what the folder must be."""
        refuse_folder(self.folder, expected)

    def _parts(self):
        """Returns a dict from split to the folder that holds its class folders."""
        names = self._folders(self.folder)
        of_splits = [name for name in names if name.lower() in _SPLIT_OF]
        if not of_splits or len(of_splits) < len(names):
            for name in of_splits:
                # A class may be called "train" too, but its folder then holds images.
                if not any(map(_is_image, self._scan(self.folder / name))):
                    self.refuse(
                        f"hold class folders, or nothing but folders of splits, but '{name}' "
                        f"lies beside '{next(other for other in names if other not in of_splits)}'"
                    )
            return {"train": self.folder}
        parts = {}
        for name in of_splits:
            split = _SPLIT_OF[name.lower()]
            if split in parts:
                self.refuse(
                    f"hold one folder of each split, but has '{parts[split].name}' and '{name}'"
                )
            parts[split] = self.folder / name
        if "train" not in parts:
            self.refuse(f"hold a folder 'train' beside '{of_splits[0]}'")
        return parts

    def _files(self, part):
        unknown = sorted(set(self._folders(part)) - set(self.classes))
        if unknown:
            self.refuse(f"hold every class in train, but {part.name}/{unknown[0]} is not there")
        paths, labels = [], []
        for label, name in enumerate(self.classes):
            if (part / name).is_dir():
                found = self._images(part / name)
                if not found:
                    self.refuse(f"hold images of every class, but {part / name} has none")
                # An array for each class: a million paths as str would take as many 100 bytes.
                paths.append(np.array([os.fsencode(path) for path in found]))
                labels.append(np.full(len(found), label, np.int32))
        return np.concatenate(paths), np.concatenate(labels)

    def _images(self, folder):
        """Returns the str paths of all images below a folder, in an order all machines share."""
        found, waiting = [], [folder]
        while waiting:
            for entry in self._scan(waiting.pop()):
                if entry.is_dir():
                    if not entry.name.startswith(".") and not entry.is_symlink():
                        waiting.append(pathlib.Path(entry.path))
                elif _is_image_name(entry.name):
                    found.append(os.path.relpath(entry.path, self.folder))
        return sorted(found, key=lambda path: path.split(os.sep))

    def _folders(self, folder):
        entries = self._scan(folder)
        return sorted(
            entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")
        )

    def _scan(self, folder):
        try:
            # Before it is read: what comes in meanwhile is then a change.
            changed = os.stat(folder).st_mtime_ns
            with os.scandir(folder) as entries:
                found = list(entries)
        except OSError as error:
            self.refuse(f"be readable, but {error.filename}: {error.strerror}")
        self.changed.setdefault(os.path.relpath(folder, self.folder), changed)
        return found


def refuse_folder(folder, expected):
    """Raises the `DataNotFoundError` that says what a folder of images must be."""
    raise DataNotFoundError(f"`folder` must {expected}. Received: folder={folder}")


def _is_image(entry):
    return _is_image_name(entry.name) and not entry.is_dir()


def _is_image_name(name):
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in image_suffixes()
