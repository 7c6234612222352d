"""Prepares a standard data set from its official archives on disk, without network."""

import contextlib
import dataclasses
import io
import pathlib
import tempfile

from pipelines.registry import OFFICIAL_TASKS, get_task
from pipelines.sources.split import DataNotFoundError
from pipelines.sources.tfds_index import FILE_FORMAT, TfdsIndex, photograph_keys
from pipelines.sources.tfds_photographs import photographs_builder
from pipelines.sources.tfds_source import archive_sizes, first_line, is_prepared, resolve_data_dir


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


def prepare_official(name, manual_dir, data_dir=None):
    """Lets tfds prepare a data set from archives that it does not have to download.

    Their size and SHA-256 are checked. The data set appears in one step, finished; one that is
    there already is left as it is. What was unpacked is removed in the end.

    Args:
        name: str, one of `OFFICIAL_TASKS`.
        manual_dir: str or path of the folder with the archives, under their official names. Of
            Tiny ImageNet, the folder that the archive unpacks to may lie there in its place.
        data_dir: str or path of the folder of prepared data sets; `None` for the default of tfds.

    Returns:
        `Prepared`.

    Raises:
        DataNotFoundError: if an archive is missing, or what is prepared already is damaged.
        ValueError: if `name` is not known, an archive is not the official one or is damaged, or
            `data_dir` cannot be written or holds something in the place of the data set.
    """
    if name not in OFFICIAL_TASKS:
        raise ValueError(f"`name` must be one of {', '.join(OFFICIAL_TASKS)}. Received: {name=}")
    return _prepared(get_task(name).source.builder(data_dir), manual_dir, data_dir)


def prepare_photographs(name, manual_dir, data_dir=None):
    """Lets tfds prepare a data set whose images are to be read as they are needed.

    As `prepare_official`, of any data set that tfds knows, in files of the format array_record.

    Args:
        name: str, as in `OwnTask.tfds`.
        manual_dir: str or path of the folder with the archives, under their official names.
        data_dir: see `prepare_official`.

    Returns:
        `Prepared`.

    Raises:
        DataNotFoundError: if tfds does not know the data set, it is not one of photographs, an
            archive is missing, or what is prepared already is damaged or of another format.
        ValueError: see `prepare_official`.
    """
    builder = photographs_builder(name, data_dir)
    photograph_keys(builder)
    prepared = _prepared(builder, manual_dir, data_dir, FILE_FORMAT)
    TfdsIndex(builder)
    return prepared


def _prepared(builder, manual_dir, data_dir, file_format=None):
    was_there = is_prepared(builder)
    if not was_there:
        if builder.data_path.exists():
            raise ValueError(
                f"`data_dir` must hold no unfinished '{builder.name}'; remove {builder.data_path}. "
                f"Received: {data_dir=}"
            )
        manual = pathlib.Path(manual_dir).expanduser()
        _check_archives(builder, manual)
        _prepare(builder, manual, resolve_data_dir(data_dir), file_format)
    counts = {str(split): info.num_examples for split, info in builder.info.splits.items()}
    return Prepared(pathlib.Path(builder.data_dir), counts, was_there)


def _check_archives(builder, manual_dir):
    """Refuses what tfds would look for in the network, or read whole to find it too short."""
    missing = []
    for file, size in archive_sizes(builder).items():
        path = manual_dir / file
        if not path.exists() and not (size is None and path.with_suffix("").is_dir()):
            missing.append(file)
        elif size is not None and path.stat().st_size != size:
            raise ValueError(
                f"`manual_dir` must hold the official {file}, of {size:,} bytes. "
                f"Received: {path}, of {path.stat().st_size:,} bytes"
            )
    if missing:
        raise DataNotFoundError(
            f"`manual_dir` must hold {', '.join(missing)}. Received: manual_dir={manual_dir}"
        )


def _prepare(builder, manual_dir, root, file_format):
    import tensorflow_datasets as tfds  # Takes seconds.

    tfds.disable_progress_bar()  # It would stand among the lines of an error.
    config = tfds.download.DownloadConfig(manual_dir=manual_dir, try_download_gcs=False)
    try:
        root.mkdir(parents=True, exist_ok=True)
        # Its own folder: two data sets may have files of one name.
        with (
            tempfile.TemporaryDirectory(prefix=f".preparing-{builder.name}-", dir=root) as unpacked,
            contextlib.redirect_stdout(io.StringIO()),  # tfds tells of a download.
        ):
            builder.download_and_prepare(
                download_dir=unpacked, download_config=config, file_format=file_format
            )
    except Exception as error:  # Errors of checksums, archives and disks have no common class.
        if is_prepared(builder):
            return  # By another process, which was faster.
        raise ValueError(
            f"`manual_dir` must hold the official, undamaged archives of '{builder.name}', and "
            f"{root} be a folder with room that can be written. Received: {first_line(error)}"
        ) from error
