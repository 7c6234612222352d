"""Text files that are never half written."""

import os
import pathlib


def write_text(path, text):
    """Writes a text file whole or not at all."""
    partial = pathlib.Path(f"{path}.partial")
    partial.write_text(text)
    os.replace(partial, path)
