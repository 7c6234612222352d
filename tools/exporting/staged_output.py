"""Folders that are written whole or not at all."""

import contextlib
import os
import pathlib
import shutil
import signal
import tempfile
import threading


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

    SIGTERM ends the program as an error does, by `SystemExit`.

    Args:
        path: str or path, new or empty. A link is followed.

    Raises:
        FileExistsError: see `check_free`.
        ValueError: if the folder cannot be made.
    """
    path = pathlib.Path(path).resolve()
    check_free(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stage = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise _cannot_be_made(path, error) from None
    try:
        with _exit_on_sigterm():
            yield stage
        stage.chmod(0o755)  # Of a temporary folder only its owner can read.
        try:
            os.replace(stage, path)  # An empty folder may be in its place.
        except OSError as error:
            raise _cannot_be_made(path, error) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _cannot_be_made(path, error):
    return ValueError(
        "`--output_dir` must be a folder that can be made. "
        f"Received: output_dir={path} ({error.strerror})"
    )


@contextlib.contextmanager
def _exit_on_sigterm():
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread hears of signals.
        return
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(number, frame):
    del frame
    raise SystemExit(128 + number)  # As the shell has it.
