"""A check, before minutes of work, that its result can be written."""

import pathlib
import tempfile


def check_output_file(flag, path):
    """Raises a `ValueError` if a file of that path cannot be written; leaves nothing behind.

    Args:
        flag: str, name of the flag that gave the path.
        path: str or path.
    """
    path = pathlib.Path(path)
    reason = None
    if path.is_dir():
        reason = "it is a folder"
    else:
        try:
            with tempfile.NamedTemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            reason = error.strerror
    if reason:
        raise ValueError(
            f"`--{flag}` must be a file in a folder that exists and can be written to. "
            f"Received: {flag}={path} ({reason})"
        )
