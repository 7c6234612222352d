"""How tests run a command: with a command line, in this process."""

import contextlib
import io

from elastic_tf_tools import flags


def run_command(command, *arguments):
    """Runs a command and returns what it printed, a str.

    Args:
        command: module of `elastic_tf_tools`.
        *arguments: str, as on a command line, `"--seed=3"`.
    """
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        flags.run(command, [command.__name__, *map(str, arguments)])
    return stream.getvalue()


def run_failing(command, *arguments):
    """Runs a command that must end with a short error, and returns it: a line, or up to three."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        try:
            run_command(command, *arguments)
        except SystemExit as stopped:
            assert stopped.code == 2, f"exit status {stopped.code}: {errors.getvalue()}"
            text = errors.getvalue()
            assert text.startswith("error: ") and text.count("\n") <= 3, text
            return text.rstrip("\n")
    raise AssertionError("no error")
