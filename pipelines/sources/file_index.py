"""What is known of the image files of a folder, in memory and in a file for later starts."""

import functools
import io
import json
import os
import pathlib
import zipfile
import zlib

import numpy as np

from pipelines.sources.image_files import decoded_or_fault, reader_threads
from pipelines.sources.image_folder import ImageFolder, refuse_folder
from pipelines.sources.split import SPLITS

_VERSION = 1
_CHUNK = 1024
_ARRAYS = ("paths", "labels", "sizes", "checksums")
# What NumPy and the readers of zip, deflate and JSON raise for what is no index.
_DAMAGES = (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error)


class FileIndex:
    """The image files of a folder, in the order in which `ImageFolder` has them.

    A file takes the bytes of its longest path and 16 more, however large the images are.

    Args:
        folder: see `ImageFolder`; it is listed, and no image is opened.

    Attributes:
        folder: `pathlib.Path`.
        classes: list of str.
        paths: bytes array `(files,)`, relative to the folder.
        labels: int32 array `(files,)`.
        faults: dict from the number of a file that cannot be read to the reason, a str; `None` as
            long as `examine` has not looked.
    """

    def __init__(self, folder):
        listing = ImageFolder(folder)
        self.folder, self.classes, self._changed = listing.folder, listing.classes, listing.changed
        self._counts = {split: len(labels) for split, (_, labels) in listing.files.items()}
        self.paths, self.labels = map(np.concatenate, zip(*listing.files.values(), strict=True))
        self.sizes = self.checksums = self.faults = None

    def __len__(self):
        return len(self.labels)

    @property
    def rows(self):
        """Dict from split to the numbers of its files, an int64 array."""
        ends = np.cumsum(list(self._counts.values()))
        return {
            split: np.arange(end - count, end)
            for (split, count), end in zip(self._counts.items(), ends, strict=True)
        }

    def path(self, row):
        """Returns the path of a file, a str."""
        return os.path.join(self.folder, os.fsdecode(self.paths[row]))

    def examine(self, image_size, channels, fit):
        """Reads and decodes every file once, to know its size, checksum, and whether it can be.

        Args:
            image_size, channels, fit: see `standard_image`.
        """
        look = functools.partial(self._look, arguments=(image_size, channels, fit))
        self.sizes = np.zeros(len(self), np.int64)
        self.checksums = np.zeros(len(self), np.uint32)
        faults = {}
        for start in range(0, len(self), _CHUNK):  # The threads would hold all results at once.
            rows = range(start, min(start + _CHUNK, len(self)))
            for row, found in zip(rows, reader_threads().map(look, rows), strict=True):
                self.sizes[row], self.checksums[row], fault = found
                if fault:
                    faults[row] = fault
        self.faults = faults

    def _look(self, row, arguments):
        try:
            content = pathlib.Path(self.path(row)).read_bytes()
        except OSError as error:
            return 0, 0, error.strerror
        _, fault = decoded_or_fault(io.BytesIO(content), *arguments)
        return len(content), zlib.crc32(content), fault

    def read(self, row):
        """Returns the bytes of an examined file.

        Raises:
            ValueError: if they are not those that `examine` has seen.
        """
        path = self.path(row)
        try:
            content = pathlib.Path(path).read_bytes()
        except OSError as error:
            raise ValueError(f"{path} must be readable. Received: {error.strerror}") from None
        if len(content) != self.sizes[row] or zlib.crc32(content) != self.checksums[row]:
            raise ValueError(
                f"{path} must be as it was when its folder was indexed. "
                f"Received: other content, of {len(content):,} bytes"
            )
        return content

    def save(self, file):
        """Writes an examined index, whole or not at all; its folder is made if need be."""
        file = pathlib.Path(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        known = {
            "version": _VERSION,
            "classes": self.classes,
            "counts": self._counts,
            "changed": self._changed,
            "faults": self.faults,
        }
        partial = file.with_suffix(".partial.npz")
        try:
            arrays = {name: getattr(self, name) for name in _ARRAYS}
            np.savez(partial, known=json.dumps(known), **arrays)
            os.replace(partial, file)
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, file, folder):
        """Returns the index of a folder that a file holds, or `None` where there is no such file.

        Where a folder within has changed, all are listed again, but no image is opened. Where the
        files are others now, the index is refused: on them depend splits and order.

        Args:
            file: str or path.
            folder: see `ImageFolder`.

        Raises:
            DataNotFoundError: if the folder has other files now, or is not there.
        """
        index = cls.__new__(cls)
        try:
            with np.load(file, allow_pickle=False) as arrays:
                known = json.loads(str(arrays["known"]))
                if known["version"] != _VERSION:
                    return None
                for name in _ARRAYS:
                    setattr(index, name, arrays[name])
        except _DAMAGES:
            return None
        index.folder = pathlib.Path(folder).expanduser()
        index.classes, index._counts = known["classes"], known["counts"]
        index.faults = {int(row): fault for row, fault in known["faults"].items()}
        index._changed = known["changed"]
        if not index._is_unchanged():
            index._compare(cls(folder), file)
        return index

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
            refuse_folder(
                self.folder,
                f"hold the files that {file} lists, on which splits and order depend (remove it to "
                f"take the files as they are), but {new} are new and {missing} missing",
            )
        self._changed = now._changed

    def _paths_of(self, split):
        return self.paths[self.rows.get(split, slice(0))]
