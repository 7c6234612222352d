"""Reads tar.gz archives that nobody has vouched for, in one pass and without unpacking them."""

import gzip
import tarfile
import zlib

from pipelines.preparation.member_names import checked_name
from pipelines.preparation.refusal import refuse

_BLOCK = 512
_CHUNK = 2**20
# What official archives have beside the images (a page, notes, padding) is far below this.
_SLACK = 2**22
# Names and times in headers of their own; `tarfile` would read them at any length.
_EXTENSIONS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_MAX_EXTENSION = 2**16


class SafeTar:
    """The members of a gzipped tar archive, in the order of the archive.

    Args:
        path: path of the archive.
        sizes: dict from the name of every file that must be there to `(lowest, highest)`, the
            bytes that it may have.
    """

    def __init__(self, path, sizes):
        self.path = path
        self.sizes = sizes
        self._limit = sum(highest for _, highest in sizes.values()) + _SLACK

    def files(self):
        """Yields `(name, size, stream)` of every file of `sizes`, checked before it is read.

        What the caller leaves unread of a stream is skipped. An iterator that is run to its end
        has seen the whole archive: its checksum, no needed file missing or twice, no link and no
        name that leads out of the archive.

        Raises:
            ValueError: if the archive is damaged or holds something that it must not.
        """
        seen = set()
        with _opened(self.path) as file:
            stream = _Bounded(self.path, file, self._limit)
            for name, size in _headers(self.path, stream):
                end = stream.position + size
                if name in self.sizes:
                    self._check_size(name, size)
                    seen.add(name)
                    yield name, size, _Part(stream, end)
                stream.skip(end + -size % _BLOCK - stream.position)
            _check_padding(self.path, stream)
        missing = [name for name in self.sizes if name not in seen]
        if missing:
            refuse(self.path, f"hold {missing[0]}", f"{len(missing)} missing files")

    def chunks(self, name, size):
        """Yields the content of one file, `size` bytes at a time, reading up to it only."""
        for found, total, stream in self.files():
            if found == name:
                for _ in range(total // size):
                    yield stream.read(size)
                return

    def _check_size(self, name, size):
        lowest, highest = self.sizes[name]
        if not lowest <= size <= highest:
            expected = f"{lowest:,}" if lowest == highest else f"{lowest:,} to {highest:,}"
            refuse(f"{name} in {self.path}", f"have {expected} bytes", f"{size:,} bytes")


def tar_member_names(path):
    """Yields the names of all files of an archive, each as it is come across.

    Raises:
        ValueError: see `SafeTar.files`.
    """
    with _opened(path) as file:
        stream = _Bounded(path, file, limit=None)
        for name, size in _headers(path, stream):
            yield name
            stream.skip(size + -size % _BLOCK)


class _Bounded:
    """A stream of decompressed bytes that ends with an error and not with the memory."""

    def __init__(self, path, file, limit):
        self.path = path
        self.position = 0
        self._file = file
        self._limit = limit

    def read(self, size):
        """Returns `size` bytes, or fewer where the stream ends."""
        if self._limit is not None and self.position + size > self._limit:
            refuse(self.path, f"hold at most {self._limit:,} bytes", "more")
        try:
            content = self._file.read(size)
        except (EOFError, OSError, zlib.error) as error:
            refuse(self.path, "be a whole gzip file", error)
        self.position += len(content)
        return content

    def read_all(self, size):
        content = self.read(size)
        if len(content) != size:
            refuse(self.path, "be a whole archive", "one that is cut off")
        return content

    def skip(self, size):
        while size:
            size -= len(self.read_all(min(size, _CHUNK)))


class _Part:
    """The bytes of one member."""

    def __init__(self, stream, end):
        self._stream = stream
        self._end = end

    def read(self, size):
        """Returns `size` bytes of what is left, which must be as many."""
        if self._stream.position + size > self._end:
            raise ValueError(f"`size` must be within the member. Received: {size=}")
        return self._stream.read_all(size)


def _opened(path):
    # Not `tarfile` in stream mode, which does not look at the checksum of the gzip file.
    return gzip.open(path, "rb")


def _headers(path, stream):
    """Yields `(name, size)` of every regular file; the caller moves past its content."""
    names = set()
    while True:
        block = stream.read_all(_BLOCK)
        if block == bytes(_BLOCK):
            return
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.TarError as error:
            refuse(path, "be a whole tar archive", error)
        if header.size < 0:
            refuse(path, "have members of 0 bytes or more", f"{header.size} bytes")
        if header.type in _EXTENSIONS:
            _check_extension(path, stream, header.size)
            continue
        name = checked_name(path, header.name)
        if header.isdir():
            continue
        if not header.isreg() or header.type == tarfile.GNUTYPE_SPARSE:
            refuse(path, "hold nothing but files and folders", f"member {name!r} of another kind")
        if name in names:
            refuse(path, f"hold {name} once", "it twice")
        names.add(name)
        yield name, header.size


def _check_extension(path, stream, size):
    if size > _MAX_EXTENSION:
        refuse(path, f"have headers of at most {_MAX_EXTENSION:,} bytes", f"{size:,} bytes")
    content = stream.read_all(size)
    stream.skip(-size % _BLOCK)
    for field in (b"path=", b"linkpath=", b"size=", b"GNU.sparse"):
        # Two readers of such a header could see two different archives.
        if field in content:
            refuse(path, "have names and sizes in plain headers", "an extended header with them")


def _check_padding(path, stream):
    while content := stream.read(_BLOCK):
        if content.strip(b"\0"):
            refuse(path, "end after its last member", "more bytes behind it")
