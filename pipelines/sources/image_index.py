"""What is known of images that are read as they are needed, in memory and in a file."""

import abc
import functools
import io
import json
import os
import pathlib
import zipfile
import zlib

import numpy as np

from pipelines.sources.image_files import decoded_or_fault, reader_threads

_VERSION = 1
_CHUNK = 1024
# What NumPy and the readers of zip, deflate and JSON raise for what is no index.
_DAMAGES = (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error)


class ImageIndex(abc.ABC):
    """Encoded images in a fixed order, numbered from 0: base of what folders and tfds have.

    Attributes:
        classes: list of str.
        labels: int32 array `(images,)`.
        sizes, checksums: int64 and uint32 arrays `(images,)`, bytes and CRC-32 of every image;
            `None` as long as `examine` has not looked.
        faults: dict from the number of an image that cannot be read to the reason, a str; `None` as
            long as `examine` has not looked.
        counts: dict from split to the number of its images, in their order.
    """

    # Those that a file of the index holds.
    ARRAYS = ("labels", "sizes", "checksums")

    sizes = checksums = faults = None

    def __len__(self):
        return len(self.labels)

    @property
    def rows(self):
        """Dict from split to the numbers of its images, an int64 array."""
        ends = np.cumsum(list(self.counts.values()))
        return {
            split: np.arange(end - count, end)
            for (split, count), end in zip(self.counts.items(), ends, strict=True)
        }

    @abc.abstractmethod
    def name(self, row):
        """Returns what an image is called in messages, a str."""

    @abc.abstractmethod
    def refuse(self, expected):
        """Raises the `DataNotFoundError` that says what the images must be."""

    @abc.abstractmethod
    def _fetch(self, row):
        """Returns the bytes and the label of an image; a `ValueError` is the reason why not."""

    @abc.abstractmethod
    def _known(self):
        """Returns a dict for JSON of what `_find` compares."""

    @abc.abstractmethod
    def _find(self, known, file, place):
        """Finds the images of an index read from `file`, or refuses others."""

    def examine(self, image_size, channels, fit):
        """Reads and decodes every image once: its size, checksum, label, and whether it can be.

        Args:
            image_size, channels, fit: see `standard_image`.
        """
        look = functools.partial(self._look, arguments=(image_size, channels, fit))
        self.sizes = np.zeros(len(self), np.int64)
        self.checksums = np.zeros(len(self), np.uint32)
        faults = {}
        for start in range(0, len(self), _CHUNK):  # The threads would hold all results at once.
            rows = range(start, min(start + _CHUNK, len(self)))
            for row, fault in zip(rows, reader_threads().map(look, rows), strict=True):
                if fault:
                    faults[row] = fault
        self.faults = faults

    def _look(self, row, arguments):
        """Notes what is known of an image, and returns its fault, a str or `None`."""
        try:
            content, self.labels[row] = self._fetch(row)
        except ValueError as error:
            return str(error)
        self.sizes[row], self.checksums[row] = len(content), zlib.crc32(content)
        return decoded_or_fault(io.BytesIO(content), *arguments)[1]

    def read(self, row):
        """Returns the bytes of an examined image.

        Raises:
            ValueError: if they are not those that `examine` has seen.
        """
        try:
            content, _ = self._fetch(row)
        except ValueError as error:
            raise ValueError(f"{self.name(row)} must be readable. Received: {error}") from None
        if len(content) != self.sizes[row] or zlib.crc32(content) != self.checksums[row]:
            raise ValueError(
                f"{self.name(row)} must be as it was when it was indexed. "
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
            "counts": self.counts,
            "faults": self.faults,
        }
        partial = file.with_suffix(".partial.npz")
        try:
            arrays = {name: getattr(self, name) for name in self.ARRAYS}
            np.savez(partial, known=json.dumps(known | self._known()), **arrays)
            os.replace(partial, file)
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, file, place):
        """Returns the index that a file holds, or `None` where there is no such file.

        No image is read. Where they are others now, the index is refused: on them depend splits and
        order.

        Args:
            file: str or path.
            place: where the images are, as the class itself takes it.

        Raises:
            DataNotFoundError: if other images are there now, or none.
        """
        index = cls.__new__(cls)
        try:
            with np.load(file, allow_pickle=False) as arrays:
                known = json.loads(str(arrays["known"]))
                if known["version"] != _VERSION:
                    return None
                for name in cls.ARRAYS:
                    setattr(index, name, arrays[name])
        except _DAMAGES:
            return None
        index.classes, index.counts = known["classes"], known["counts"]
        index.faults = {int(row): fault for row, fault in known["faults"].items()}
        index._find(known, file, place)
        return index
