"""A folder to prepare data in, which one process has for itself and no crash leaves for good."""

import contextlib
import fcntl
import os
import pathlib
import shutil


@contextlib.contextmanager
def staging_folder(data_dir, name):
    """Gives an empty folder in `data_dir`, and removes it in the end.

    What an earlier process left there, when it was killed, is removed first.

    Args:
        data_dir: `pathlib.Path`; made if it is not there.
        name: str, of the data set. Two processes may stage different ones.

    Yields:
        `pathlib.Path`, on the same file system as `data_dir`.

    Raises:
        ValueError: if another process is preparing the same data set, or `data_dir` cannot be
            written.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = _locked(data_dir / f".preparing-{name}.lock")
    except BlockingIOError:
        raise ValueError(
            f"`data_dir` must not be in use by another process that prepares '{name}'; "
            f"wait for it. Received: data_dir={data_dir}"
        ) from None
    except OSError as error:
        raise ValueError(
            f"`data_dir` must be a folder that can be written ({error.strerror}). "
            f"Received: data_dir={data_dir}"
        ) from None
    folder = data_dir / f".preparing-{name}"
    with lock:
        _remove(folder)
        folder.mkdir()
        try:
            yield folder
        finally:
            _remove(folder)
            pathlib.Path(lock.name).unlink()


def clear_staging(data_dir, name):
    """Removes what a process left that was killed; does nothing while one is at work."""
    if (data_dir / f".preparing-{name}").exists():
        with contextlib.suppress(ValueError, OSError), staging_folder(data_dir, name):
            pass


def _locked(path):
    """Returns an open file that no other process has a lock on."""
    while True:
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The process that had it may have removed it after this one opened it.
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _remove(folder):
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
