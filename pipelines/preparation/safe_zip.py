"""Reads zip archives that nobody has vouched for, without unpacking them."""

import contextlib
import stat
import zipfile
import zlib

from pipelines.preparation.member_names import checked_name
from pipelines.preparation.refusal import refuse

_DAMAGE = (EOFError, OSError, ValueError, NotImplementedError, zipfile.BadZipFile, zlib.error)
_ENCRYPTED = 1


class SafeZip:
    """The files of a zip archive; a context manager.

    Every name in it is checked at the start: none leads out of the archive, is there twice, or
    stands for a link or a device.

    Args:
        path: path of the archive.
        within: str. The folder of the archive that names are relative to; other files are checked
            as well, and then left out.

    Raises:
        ValueError: if the archive is damaged or holds something that it must not.
    """

    def __init__(self, path, within=""):
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except _DAMAGE as error:
            refuse(path, "be a whole zip file", error)
        try:
            self._members = self._checked(f"{within}/" if within else "")
        except ValueError:
            self._zip.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._zip.close()

    def names(self):
        """Returns the names of all files, a list of str in the order of the archive."""
        return list(self._members)

    def size(self, name):
        """Returns the number of bytes of a file, unpacked, that the archive states."""
        return self._members[name].file_size

    @contextlib.contextmanager
    def open(self, name):
        """Gives a stream of a file, which ends at its stated size."""
        if name not in self._members:
            refuse(self.path, f"hold {name}", "an archive without it")
        try:
            stream = self._zip.open(self._members[name])
        except (*_DAMAGE, RuntimeError) as error:
            refuse(self.path, "be a whole zip file", error)
        with stream:
            yield stream

    def read_from(self, stream, size):
        """Returns the last `size` bytes of a stream that `open` gave, checked by their checksum."""
        try:
            content = stream.read(size)  # Its end compares the checksum.
        except _DAMAGE as error:
            refuse(self.path, "be a whole zip file", error)
        if len(content) != size:
            refuse(self.path, "be a whole zip file", f"{len(content):,} of {size:,} bytes")
        return content

    def read(self, name, highest):
        """Returns the bytes of a file of at most `highest` bytes."""
        if name in self._members and self.size(name) > highest:
            expected = f"have at most {highest:,} bytes"
            refuse(f"{name} in {self.path}", expected, f"{self.size(name):,} bytes")
        with self.open(name) as stream:
            return self.read_from(stream, self.size(name))

    def _checked(self, prefix):
        """Returns a dict from the name of every file to what the archive says of it."""
        names, members = set(), {}
        for info in self._zip.infolist():
            name = checked_name(self.path, info.orig_filename)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir() and kind in (0, stat.S_IFDIR):
                continue
            if kind not in (0, stat.S_IFREG):
                refuse(self.path, "hold nothing but files and folders", f"{name!r}, another kind")
            if info.flag_bits & _ENCRYPTED:
                refuse(self.path, "be readable without a password", f"{name!r}, encrypted")
            if name in names:
                refuse(self.path, f"hold {name} once", "it twice")
            names.add(name)
            if name.startswith(prefix):
                members[name.removeprefix(prefix)] = info
        return members
