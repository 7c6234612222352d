"""Errors that the user can mend are one line, without a stack trace."""

import contextlib
import sys


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
