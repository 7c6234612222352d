"""Packages that only some data need; they are imported where they are used."""

import importlib


def import_extra(module):
    """Imports a module of a package that `pip install elastic-tf[data]` brings.

    Args:
        module: str, such as `"PIL.Image"`.

    Returns:
        The module.

    Raises:
        ImportError: in one line, if the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # Of another name where the package is there, and lacks something itself.
        raise ImportError(
            f"`{error.name}` must be installed for these data: pip install elastic-tf[data]. "
            f"Received: {error}"
        ) from None
