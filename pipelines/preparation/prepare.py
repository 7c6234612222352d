"""Prepares a data set from official files, whole or not at all."""

import dataclasses
import os
import pathlib

import tensorflow as tf

from pipelines.preparation.detect import detect
from pipelines.preparation.digests import check_digests
from pipelines.preparation.local_builder import local_builder, official_builder_class
from pipelines.preparation.staging import clear_staging, staging_folder
from pipelines.sources.default_data_dir import resolve_data_dir


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A data set on disk.

    Attributes:
        folder: `pathlib.Path` of its files.
        counts: dict from split to the number of images.
        was_there: bool. Whether it had been prepared before.
    """

    folder: pathlib.Path
    counts: dict[str, int]
    was_there: bool


def prepare(official, path, data_dir=None, check_digest=True):
    """Builds what the official tfds builder would, from files on disk.

    All files are checked before anything is written. The data set appears in one step, finished;
    one that is there already is left as it is.

    Args:
        official: `OfficialSet`.
        path: str or path of the official file or folder, or of an npz file.
        data_dir: str or path of the folder of prepared data sets; `None` for the default of tfds.
        check_digest: bool. Whether a file with an official name must be the official file.

    Returns:
        `Prepared`.

    Raises:
        FileNotFoundError: if nothing is at `path`.
        ValueError: if the files are not what they must be, or another process is preparing the
            same data set, or `data_dir` cannot be written or holds something in its place.
    """
    root = resolve_data_dir(data_dir)
    place = pathlib.Path(official.name) / str(official_builder_class(official.name).VERSION)
    if _is_prepared(root / place):
        clear_staging(root, official.name)
        return _described(official, root, was_there=True)
    if (root / place).exists():
        raise ValueError(
            f"`data_dir` must hold no unfinished '{official.name}'; remove {root / place}. "
            f"Received: {data_dir=}"
        )
    content = _checked_content(official, pathlib.Path(path).expanduser(), check_digest)
    with staging_folder(root, official.name) as staging:
        was_there = _is_prepared(root / place)  # Another process may have been faster.
        if not was_there:
            _build(official, content, staging)
            (root / place).parent.mkdir(exist_ok=True)
            os.rename(staging / place, root / place)
    return _described(official, root, was_there)


def _checked_content(official, path, check_digest):
    detected = detect(path, official)
    if check_digest:
        check_digests(official.name, detected.files)
    return detected.read(path, official)


def _is_prepared(folder):
    return (folder / "dataset_info.json").exists()  # tfds writes this file last.


def _build(official, content, staging):
    import tensorflow_datasets as tfds  # Here, since its import takes seconds.

    config = tfds.download.DownloadConfig(try_download_gcs=False)
    try:
        local_builder(official, content, staging).download_and_prepare(download_config=config)
    except (OSError, tf.errors.OpError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"`data_dir` must have room for '{official.name}' and be writable ({reason}). "
            f"Received: data_dir={staging.parent}"
        ) from None


def _described(official, root, was_there):
    try:
        builder = official_builder_class(official.name)(data_dir=str(root))
    except Exception as error:  # tfds raises whatever the parser of a damaged file did.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"`data_dir` must hold an undamaged '{official.name}' or none; remove "
            f"{root / official.name} ({reason}). Received: data_dir={root}"
        ) from None
    counts = {split: info.num_examples for split, info in builder.info.splits.items()}
    return Prepared(pathlib.Path(builder.data_dir), counts, was_there)
