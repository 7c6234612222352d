"""Folders that are written whole or not at all."""

import contextlib
import os
import pathlib
import shutil
import tempfile


def check_free(path):
    """Checks that a folder can be written: it must be new or empty.

    Args:
        path: str or path.

    Raises:
        FileExistsError: if there is something in the way.
    """
    path = pathlib.Path(path)
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise FileExistsError(
            "`--output_dir` must be a new or empty folder. "
            f"Received: output_dir={path}, which {'is a file' if path.is_file() else 'holds files'}"
        )


@contextlib.contextmanager
def staged_output(path):
    """Yields a folder beside the wanted one, which becomes it at the end; after an error, nothing.

    Args:
        path: str or path, new or empty.

    Raises:
        FileExistsError: see `check_free`.
        ValueError: if the folder cannot be made.
    """
    path = pathlib.Path(path).absolute()
    check_free(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stage = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise ValueError(
            "`--output_dir` must be a folder that can be made. "
            f"Received: output_dir={path} ({error.strerror})"
        ) from None
    try:
        yield stage
        stage.chmod(0o755)  # Of a temporary folder only its owner can read.
        os.replace(stage, path)  # An empty folder may be in its place.
    finally:
        shutil.rmtree(stage, ignore_errors=True)
