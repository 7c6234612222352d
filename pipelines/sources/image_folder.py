"""How a folder of images is laid out: its classes, its splits and its files."""

import logging
import os
import pathlib

import numpy as np

from pipelines.sources.image_tree import (
    describe_unreadable,
    find_images,
    is_clutter,
    is_image_name,
    leads_up,
)
from pipelines.sources.split import DataNotFoundError, name_some

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
    they are there `test` and `val`; or all that in a single folder, as archives have it. Images may
    lie in folders within a class folder. Files without an image's suffix are left out, and what
    systems leave behind (`is_clutter`); of photographs in formats that cannot be read a warning
    says how many. So are images for testing or validation without class folders, of which nobody
    says what they are.

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
        self._unreadable = []
        if not self.folder.is_dir():
            self.refuse("be a folder that exists, on this machine")
        parts = self._parts(self._top())
        self.classes = self._folders(parts["train"])
        if len(self.classes) < 2:
            self.refuse(
                f"hold at least 2 class folders with images, in {parts['train']}, "
                f"but it has {len(self.classes)}"
            )
        self.files = {split: self._files(part) for split, part in parts.items()}
        if self._unreadable:
            _warn(f"Left out: {describe_unreadable(self._unreadable)}")

    def refuse(self, expected):
        """Raises the `DataNotFoundError` that says what the folder must be."""
        refuse_folder(self.folder, expected)

    def _top(self):
        """Returns the folder itself, or the only one in it that holds folders in turn."""
        top = self.folder
        while True:
            names = self._folders(top)
            if len(names) != 1 or names[0].lower() in _SPLIT_OF or self._holds_images(top):
                return top
            if not self._folders(top / names[0]) or self._holds_images(top / names[0]):
                return top
            top /= names[0]

    def _parts(self, top):
        """Returns a dict from split to the folder that holds its class folders."""
        names = self._folders(top)
        of_splits = [name for name in names if name.lower() in _SPLIT_OF]
        if not of_splits or len(of_splits) < len(names):
            for name in of_splits:
                # A class may be called "train" too, but its folder then holds images.
                if not self._holds_images(top / name):
                    self.refuse(
                        f"hold class folders, or nothing but folders of splits, but '{name}' "
                        f"lies beside '{next(other for other in names if other not in of_splits)}'"
                    )
            return {"train": top}
        parts = {}
        for name in of_splits:
            split = _SPLIT_OF[name.lower()]
            if split in parts:
                self.refuse(
                    f"hold one folder of each split, but has '{parts[split].name}' and '{name}'"
                )
            if split == "train" or self._has_classes(top / name):
                parts[split] = top / name
        if "train" not in parts:
            self.refuse(f"hold a folder 'train' beside '{of_splits[0]}'")
        return parts

    def _has_classes(self, part):
        """Returns whether a split is to be used; images that no class folder labels are not."""
        if self._folders(part):
            return True
        if not self._holds_images(part):
            self.refuse(f"hold class folders in every folder of a split, but {part.name} has none")
        _warn(f"Left out: {part}, whose images lie in no class folders, and have no labels")
        return False

    def _files(self, part):
        unknown = sorted(set(self._folders(part)) - set(self.classes))
        if unknown:
            self.refuse(
                f"hold every class of {part.name} in train too, but there is none of "
                f"{name_some(unknown)}"
            )
        paths, labels, empty = [], [], []
        for label, name in enumerate(self.classes):
            if (part / name).is_dir():
                found, unreadable = find_images(part / name, self._scan)
                self._unreadable += unreadable
                if not found:
                    empty.append(
                        f"{name} ({describe_unreadable(unreadable)})" if unreadable else name
                    )
                # An array for each class: a million paths as str would take as many 100 bytes.
                found = [os.fsencode(os.path.relpath(path, self.folder)) for path in found]
                paths.append(np.array(found))
                labels.append(np.full(len(found), label, np.int32))
        if empty:
            self.refuse(
                f"hold images of every class, and no other folders, but in {part} there are none "
                f"of {name_some(empty)}"
            )
        return np.concatenate(paths), np.concatenate(labels)

    def _folders(self, folder):
        entries = self._scan(folder)
        return sorted(
            entry.name
            for entry in entries
            if entry.is_dir() and not is_clutter(entry.name) and not leads_up(entry, folder)
        )

    def _holds_images(self, folder):
        return any(is_image_name(each.name) and not each.is_dir() for each in self._scan(folder))

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


def _warn(text):
    logging.getLogger(__name__).warning(text)
