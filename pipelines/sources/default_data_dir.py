"""Where prepared data sets lie when nothing else is said."""

import os
import pathlib


def resolve_data_dir(data_dir):
    """Returns the folder of prepared data sets, a `pathlib.Path`.

    Args:
        data_dir: str or path; `None` for the environment variable `TFDS_DATA_DIR`, else
            `~/tensorflow_datasets`, which are the defaults of tfds.
    """
    if data_dir is None:
        data_dir = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return pathlib.Path(data_dir).expanduser()
