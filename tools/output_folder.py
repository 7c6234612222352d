"""The folder that a command writes to, made before the work begins."""

import pathlib
import tempfile


def make_output_folder(path):
    """Makes the folder of --output_dir, if need be, and returns its path.

    Args:
        path: str, value of the flag.

    Raises:
        ValueError: if it is empty, cannot be made, or cannot be written to.
    """
    if not str(path):
        raise ValueError("`--output_dir` must be the path of a folder. Received: output_dir=''")
    folder = pathlib.Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            "`--output_dir` must be a folder that can be made. "
            f"Received: output_dir={folder} ({error.strerror})"
        ) from None
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(
            "`--output_dir` must be a folder that can be written to. "
            f"Received: output_dir={folder} ({error.strerror})"
        ) from None
    return folder
