"""Errors that the user can mend are one line, without a stack trace."""

import contextlib
import sys


def check_no_arguments(argv):
    """Checks that a command line holds nothing but flags.

    Args:
        argv: list of str, as `app.run` gives it to `main`: the command, and what is no flag.

    Raises:
        ValueError: if there is anything else.
    """
    if len(argv) > 1:
        raise ValueError(f"Arguments must be flags, --name=value. Received: {argv[1:]}")


@contextlib.contextmanager
def one_line_errors():
    """Turns the library's errors about bad input into a line on stderr and exit status 2.

    Only set-up belongs inside: an error in the middle of training is shown whole.
    """
    try:
        yield
    except (ValueError, FileNotFoundError, FileExistsError) as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
