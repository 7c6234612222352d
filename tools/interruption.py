"""What ends a command before its time, each with one line: a signal, a disk, a closed pipe."""

import contextlib
import errno
import os
import signal
import sys

from elastic_tf.files import signals_answered

# What is wrong with a disk, and not with the program.
_OF_DISKS = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EFBIG", "EIO", "ESTALE")
}


class _Stopped(SystemExit):
    """Raised by a signal; its code is the status that a shell expects, 130 or 143."""


@contextlib.contextmanager
def one_line_ends(resumes=False):
    """Ends the program with one line, and a status of its own, where it cannot or must not go on.

    Ctrl-C and SIGTERM end it with 130 and 143. What the block holds open is closed as after any
    other error, so that nothing half written is left. Signals are heard in the main thread alone.

    Args:
        resumes: bool. Whether the same command line goes on with what has been done. Defaults to
            `False`.
    """
    try:
        with signals_answered(_stop, signal.SIGINT, signal.SIGTERM):
            yield
            sys.stdout.flush()
    except _Stopped as stopped:
        name = signal.Signals(stopped.code - 128).name
        note = " The same command line continues." if resumes else ""
        print(f"\nStopped by {name}.{note}", flush=True)
        raise
    except BrokenPipeError:
        # Nobody reads any more, what is left in Python's buffer neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        if error.errno not in _OF_DISKS:
            raise
        where = f": {error.filename}" if error.filename else ""
        sys.exit(f"error: {error.strerror}{where}")


def _stop(number, frame):
    del frame
    raise _Stopped(128 + number)
