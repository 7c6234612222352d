"""How tests call the `main` of a command."""

import contextlib
import io

from absl.testing import flagsaver


def run_main(main, **values):
    """Calls a `main` with flags set and returns what it printed."""
    stream = io.StringIO()
    with flagsaver.flagsaver(**values), contextlib.redirect_stdout(stream):
        main(["command"])
    return stream.getvalue()


def run_failing(main, **values):
    """Calls a `main` that must end with a one-line error and returns the line."""
    stream = io.StringIO()
    with contextlib.redirect_stderr(stream):
        try:
            run_main(main, **values)
        except SystemExit as stopped:
            assert stopped.code == 2
            return stream.getvalue()
    raise AssertionError("no error")
