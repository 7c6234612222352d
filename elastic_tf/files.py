"""Files and folders that are written whole or not at all, and belong to one process at a time."""

import contextlib
import csv
import json
import os
import pathlib
import re
import shutil
import signal
import tempfile
import threading

# As a path has it, which makes one slash of two.
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def local_path(path, argument):
    """Returns a `pathlib.Path` on this machine; a `~` at its start is the home folder.

    Args:
        path: str or path.
        argument: str, the name of the argument or flag that gave it.

    Raises:
        ValueError: if it is an address elsewhere, such as `s3://bucket/run`.
    """
    if _REMOTE.match(os.fspath(path)):
        raise ValueError(
            f"`{argument}` must be a path on this machine. Received: {argument}={path}"
        )
    return pathlib.Path(os.path.expanduser(path))


@contextlib.contextmanager
def whole_file(path, kept=None):
    """Gives the path of a file to write, which takes the place of `path` at the end.

    After an error, and after a kill, `path` holds what it held before. What takes its place has
    been flushed to the disk, as after a loss of power a file may have its name and not its content.

    Args:
        path: str or path; its folder must exist. A link is followed. The file to write has the same
            suffix.
        kept: str or path in the same folder, where what `path` held before goes. Defaults to
            `None`: it is gone.

    Yields:
        `pathlib.Path`.
    """
    path = pathlib.Path(os.path.expanduser(path)).resolve()
    partial = _partial(path)
    try:
        yield partial
        _flush(partial)
        if kept is not None and path.exists():
            os.replace(path, kept)
        os.replace(partial, path)
        _flush(path.parent)
    except OSError as error:
        if error.errno and not error.filename:
            error.filename = str(path)  # A full disk does not say where.
        raise
    finally:
        partial.unlink(missing_ok=True)


def _partial(path):
    return path.with_name(f"{path.stem}.partial{path.suffix}")


def _flush(path):
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path, text):
    """Writes a text file (UTF-8) whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path, value):
    """Writes a JSON file whole or not at all."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path):
    """Reads a JSON file that holds an object, a dict; a `ValueError` names one that does not."""
    try:
        found = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be JSON. Received: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} must hold a JSON object. Received: {type(found).__name__}")
    return found


def write_csv(path, rows, columns=None):
    """Writes a CSV file whole or not at all; what a row lacks is an empty field.

    Args:
        path: str or path.
        rows: iterable of dicts.
        columns: sequence of str, in order; others are left out. Defaults to the keys of the first
            row.
    """
    rows = list(rows)
    columns = list(columns if columns is not None else rows[0] if rows else ())
    with whole_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def markdown_table(header, rows):
    """Returns a table in Markdown, str of several lines; numbers are to be text already.

    Args:
        header: sequence of str.
        rows: iterable of sequences of str, as long as `header`.
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def aligned(header, rows):
    """Returns a table's cells as wide as their columns: the first to the left, others to the right.

    Args:
        header: sequence of str.
        rows: iterable of sequences of str, as long as `header`.

    Returns:
        List of lists of str, the header first.
    """
    table = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in table]


def output_folder(path, argument="output_dir"):
    """Makes a folder for results, if need be, before the work begins; returns its `pathlib.Path`.

    Args:
        path: str or path.
        argument: str, the name of the argument or flag that gave it.

    Raises:
        ValueError: if it is empty, cannot be made, or cannot be written to.
    """
    if not path or not str(path):
        raise ValueError(f"`{argument}` must be the path of a folder. Received: {argument}={path}")
    folder = local_path(path, argument)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(
            f"`{argument}` must be a folder that can be made and written to. "
            f"Received: {argument}={folder} ({error.strerror})"
        ) from None
    return folder


def check_output_file(path, argument):
    """Raises a `ValueError` if a file of that path cannot be written; leaves nothing behind.

    Args:
        path: str or path.
        argument: str, the name of the argument or flag that gave it.
    """
    path = local_path(path, argument)
    reason = "it is no regular file"
    try:
        if path.is_file() or not path.exists():
            partial = _partial(path.resolve())  # Whose name is longer.
            partial.touch()
            partial.unlink()
            return
    except OSError as error:
        reason = error.strerror
    raise ValueError(
        f"`{argument}` must be a file in a folder that exists and can be written to. "
        f"Received: {argument}={path} ({reason})"
    )


def check_free(path, argument="output_dir"):
    """Raises a `FileExistsError` unless `path` is a new or empty folder."""
    path = local_path(path, argument)
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise FileExistsError(
            f"`{argument}` must be a new or empty folder. "
            f"Received: {argument}={path}, which {'is a file' if path.is_file() else 'holds files'}"
        )


@contextlib.contextmanager
def whole_folder(path, argument="output_dir"):
    """Gives a folder beside the wanted one, which becomes it at the end; after an error, nothing.

    SIGTERM ends the program as an error does, by `SystemExit`.

    Args:
        path: str or path, new or empty. A link is followed.
        argument: str, the name of the argument or flag that gave it.

    Yields:
        `pathlib.Path`.

    Raises:
        FileExistsError: see `check_free`.
        ValueError: if the folder cannot be made.
    """
    check_free(path, argument)
    path = local_path(path, argument).resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stage = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise _cannot_be_made(path, argument, error) from None
    try:
        with _exit_on_sigterm():
            yield stage
        stage.chmod(0o755)  # Of a temporary folder only its owner can read.
        try:
            os.replace(stage, path)  # An empty folder may be in its place.
        except OSError as error:
            raise _cannot_be_made(path, argument, error) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)


class ClaimedFolder:
    """A folder that belongs to one piece of work: a run, a study, a search.

    A JSON file in it says which. Other work is refused, the same work may go on.

    Args:
        path: str or path. Need not exist.
        file: str, the name of the JSON file.
        noun: str, what the folder holds, for messages.
    """

    _LOCK = ".lock"

    def __init__(self, path, file, noun):
        self.path = pathlib.Path(os.path.expanduser(path))
        self.file = self.path / file
        self.noun = noun

    def check(self, description):
        """Checks that the folder is free, or already holds this work. Nothing is written.

        Args:
            description: dict of plain values that tell this work from other; what the file has
                besides is not compared.

        Raises:
            FileExistsError: if the folder holds something else.
            ValueError: if the file cannot be read.
        """
        local_path(self.path, "output_dir")
        if self.file.exists():
            found = read_json(self.file)
            plain = json.loads(json.dumps(description))
            changed = sorted(key for key in plain if plain[key] != found.get(key))
            if changed:
                self._refuse(f"whose {self.noun} differs in {', '.join(changed)}")
        elif self.path.is_file() or (self.path.is_dir() and self._holds_files()):
            self._refuse("which holds other files")

    def claim(self, description):
        """Makes the folder this work's own, or finds that it is already; see `check`."""
        self.check(description)
        if not self.file.exists():
            write_json(output_folder(self.path) / self.file.name, description)

    @contextlib.contextmanager
    def locked(self):
        """Keeps the folder, which is made if need be, from other processes while the block runs.

        The lock ends with the process, however that ends. A folder that was made here and holds
        nothing in the end, as what was to be written turned out to be impossible, is not left
        behind.

        Raises:
            FileExistsError: if another process has it.
            ValueError: if it cannot be made or written to.
        """
        import fcntl  # Of POSIX systems alone.

        was_there = self.path.exists()
        with (output_folder(self.path) / self._LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._refuse("which another process is writing to")
            try:
                yield
            finally:
                if not self._holds_files():
                    (self.path / self._LOCK).unlink(missing_ok=True)
                    if not was_there:
                        self.path.rmdir()

    def _holds_files(self):
        return any(entry.name != self._LOCK for entry in self.path.iterdir())

    def _refuse(self, reason):
        raise FileExistsError(
            f"`output_dir` must be new, empty, or hold the same {self.noun}. Received: "
            f"output_dir={self.path}, {reason}"
        )


def _cannot_be_made(path, argument, error):
    return ValueError(
        f"`{argument}` must be a folder that can be made. "
        f"Received: {argument}={path} ({error.strerror})"
    )


def _exit_on_sigterm():
    # A program may have a way of its own.
    is_default = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    return signals_answered(_exit, *[signal.SIGTERM] * is_default)


@contextlib.contextmanager
def signals_answered(handler, *numbers):
    """Has a function answer signals within the block, and afterwards whatever did before.

    Python's main thread alone hears of signals; in another nothing is changed.

    Args:
        handler: function of a signal's number and a frame, as of `signal.signal`.
        *numbers: `signal.Signals`.
    """
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, handler) for number in numbers if is_main}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit(number, frame):
    del frame
    raise SystemExit(128 + number)  # As the shell has it.
