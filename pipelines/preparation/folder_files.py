"""The files of a folder, read as those of an archive are."""

import os
import pathlib

from pipelines.preparation.refusal import refuse


class FolderFiles:
    """The files below a folder, with the methods of `SafeZip`; a context manager.

    Args:
        path: path of the folder.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def names(self):
        """Returns the names of all files, a list of str relative to the folder."""
        found = []
        for place, _, names in os.walk(self.path):
            within = pathlib.Path(place).relative_to(self.path).as_posix()
            found += names if within == "." else [f"{within}/{name}" for name in names]
        return found

    def read(self, name, highest):
        """Returns the bytes of a file of at most `highest` bytes."""
        try:
            with (self.path / name).open("rb") as stream:
                content = stream.read(highest + 1)
        except OSError as error:
            refuse(self.path / name, "be a file that can be read", error.strerror)
        if len(content) > highest:
            refuse(self.path / name, f"have at most {highest:,} bytes", "more")
        return content
