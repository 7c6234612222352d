"""The image files of a folder, listed once."""

import os
import pathlib

import numpy as np

from pipelines.sources.image_folder import ImageFolder, refuse_folder
from pipelines.sources.image_index import ImageIndex
from pipelines.sources.split import SPLITS


class FileIndex(ImageIndex):
    """The image files of a folder, in the order in which `ImageFolder` has them.

    A file takes the bytes of its longest path and 16 more, however large the images are.

    Args:
        folder: see `ImageFolder`; it is listed, and no image is opened.

    Attributes:
        folder: `pathlib.Path`.
        paths: bytes array `(files,)`, relative to the folder.
    """

    ARRAYS = ("paths", *ImageIndex.ARRAYS)

    def __init__(self, folder):
        listing = ImageFolder(folder)
        self.folder, self.classes, self._changed = listing.folder, listing.classes, listing.changed
        self.counts = {split: len(labels) for split, (_, labels) in listing.files.items()}
        self.paths, self.labels = map(np.concatenate, zip(*listing.files.values(), strict=True))

    def name(self, row):
        """Returns the path of a file, a str."""
        return os.path.join(self.folder, os.fsdecode(self.paths[row]))

    def refuse(self, expected):
        """Raises the `DataNotFoundError` that says what the folder must be."""
        refuse_folder(self.folder, expected)

    def _fetch(self, row):
        try:
            return pathlib.Path(self.name(row)).read_bytes(), self.labels[row]
        except OSError as error:
            raise ValueError(error.strerror) from None

    def _known(self):
        return {"changed": self._changed}

    def _find(self, known, file, place):
        """Lists all folders again where one of them has changed."""
        self.folder = pathlib.Path(place).expanduser()
        self._changed = known["changed"]
        if not self._is_unchanged():
            self._compare(type(self)(place), file)

    def _is_unchanged(self):
        try:
            return all(
                os.stat(self.folder / name).st_mtime_ns == changed
                for name, changed in self._changed.items()
            )
        except OSError:
            return False

    def _compare(self, now, file):
        """Takes the times of folders that hold the same files, and refuses others."""
        new, missing = (
            sum(len(np.setdiff1d(a._paths_of(split), b._paths_of(split))) for split in SPLITS)
            for a, b in ((now, self), (self, now))
        )
        if new or missing:
            self.refuse(
                f"hold the files that {file} lists, on which splits and order depend (remove it to "
                f"take the files as they are), but {new} are new and {missing} missing"
            )
        self._changed = now._changed

    def _paths_of(self, split):
        return self.paths[self.rows.get(split, slice(0))]
