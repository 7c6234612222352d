"""Data sets that TensorFlow Datasets (tfds) has prepared on disk."""

import os
import pathlib

import tensorflow as tf

from pipelines.sources.split import DataNotFoundError, check_split, share_of

# Bytes that a TFRecord file adds to every example: its length and two checksums.
_RECORD_FRAME = 16


class TfdsSource:
    """A tfds data set of TFRecord files, with splits `train` and `test` of (image, label).

    Args:
        builder_name: str, as tfds names it.
        page: str. The official page of the data set, in words, for the message when it is absent.
    """

    def __init__(self, builder_name, page):
        self.builder_name = builder_name
        self.page = page

    def load(self, split, data_dir=None, validation_share=0.1, download=False):
        """Returns one split, in the order of the files (see `TaskSpec.load`).

        Validation is the first part of the prepared train files, which tfds has shuffled by a
        hash of the examples; it depends on `validation_share` alone.

        Raises:
            DataNotFoundError: if it is absent or damaged, or the download failed.
            ValueError: if an argument is out of range.
        """
        import tensorflow_datasets as tfds  # Takes seconds, which other tasks need not wait.

        check_split(split, validation_share)
        builder = self._prepared_builder(data_dir, download)
        part = "test" if split == "test" else "train"
        count = self._check_files(builder, part, data_dir)
        held_out = 0 if split == "test" else share_of(count, validation_share)
        rows = f":{held_out}" if split == "validation" else f"{held_out}:"
        dataset = builder.as_dataset(
            split=f"{part}[{rows}]",
            as_supervised=True,
            shuffle_files=False,
            # Training caches after decoding; a second cache here would double the memory.
            read_config=tfds.ReadConfig(try_autocache=False),
        )
        return dataset.map(
            lambda image, label: (image, tf.cast(label, tf.int32)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )

    def class_names(self, data_dir=None):
        """Returns the names of the classes as tfds has them (see `TaskSpec.class_names`)."""
        info = self._prepared_builder(data_dir, download=False).info
        return info.features[info.supervised_keys[1]].names

    def builder(self, data_dir=None):
        """Returns the `tfds.core.DatasetBuilder`, whether or not it is prepared.

        Args:
            data_dir: see `TaskSpec.load`.

        Raises:
            DataNotFoundError: if what lies in its place is damaged.
        """
        try:
            return tfds_builder(self.builder_name, data_dir)
        except Exception as error:  # tfds raises whatever the parser of a damaged file did.
            folder = resolve_data_dir(data_dir) / self.builder_name
            raise self._damaged(folder, first_line(error), data_dir) from None

    def _prepared_builder(self, data_dir, download):
        builder = self.builder(data_dir)
        failure = download_missing(builder) if download else None
        if failure or not is_prepared(builder):
            reason = f"; download failed: {first_line(failure)}" if failure else ""
            raise DataNotFoundError(
                f"`data_dir` must hold the images of '{self.builder_name}', which `--download` "
                f"fetches, or `prepare_data --task={self.builder_name} --manual_dir=FOLDER` takes "
                f"from {', '.join(archive_sizes(builder))} of {self.page}. Received: "
                f"{data_dir=}, without {builder.data_dir}{reason}"
            ) from failure
        return builder

    def _check_files(self, builder, part, data_dir):
        """Returns the number of examples of a part whose files are there, and long enough."""
        info = builder.info.splits.get(part)
        if info is None or not info.num_examples:
            raise self._damaged(builder.data_path, f"there is no split '{part}'", data_dir)
        if builder.info.file_format.value != "tfrecord":
            problem = f"its files are of the format {builder.info.file_format.value}, not tfrecord"
            raise self._damaged(builder.data_path, problem, data_dir)
        size = 0
        for path in map(str, info.filepaths):
            if not tf.io.gfile.exists(path):
                raise self._damaged(builder.data_path, f"{path} is missing", data_dir)
            size += tf.io.gfile.stat(path).length
        # The cheap half of a check: a damaged byte is found by its checksum when it is read.
        if size < info.num_bytes + _RECORD_FRAME * info.num_examples:
            raise self._damaged(builder.data_path, f"the files of '{part}' are cut off", data_dir)
        return info.num_examples

    def _damaged(self, folder, problem, data_dir):
        return DataNotFoundError(
            f"`data_dir` must hold undamaged images of '{self.builder_name}'; remove {folder} and "
            f"prepare it again. Received: {data_dir=}, where {problem}"
        )


def tfds_builder(name, data_dir=None):
    """Returns a `tfds.core.DatasetBuilder`, whether or not its data set is prepared.

    Args:
        name: str, as tfds has it.
        data_dir: see `resolve_data_dir`.

    Raises:
        Exception: if tfds does not know it, or what lies in its place is damaged.
    """
    import tensorflow_datasets as tfds  # Takes seconds, which other tasks need not wait.

    import pipelines.tiny_imagenet  # noqa: F401 - tfds then knows it, as those it comes with.

    return tfds.builder(name, data_dir=str(resolve_data_dir(data_dir)))


def resolve_data_dir(data_dir):
    """Returns the folder of prepared data sets, a `pathlib.Path`.

    Args:
        data_dir: str or path; `None` for the environment variable `TFDS_DATA_DIR`, else
            `~/tensorflow_datasets`, which are the defaults of tfds.
    """
    if data_dir is None:
        data_dir = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return pathlib.Path(data_dir).expanduser()


def is_prepared(builder):
    """Returns whether the data set of a tfds builder is there, finished."""
    # tfds writes this file last. Its own `is_prepared` would log a warning as well.
    return (builder.data_path / "dataset_info.json").exists()


def download_missing(builder, file_format=None):
    """Lets tfds fetch and prepare a data set that is not there.

    Args:
        builder: `tfds.core.DatasetBuilder`.
        file_format: str, as of tfds; `None` for its default.

    Returns:
        The exception that it failed with, or `None`.
    """
    if not is_prepared(builder):
        try:
            builder.download_and_prepare(file_format=file_format)
        except Exception as error:  # Network, disk and checksum errors have no common class.
            return error
    return None


def archive_sizes(builder):
    """Returns the names of the official files that a tfds builder reads, with their sizes.

    Returns:
        Dict, sorted by name, to the size in bytes, or `None` where it is not known.
    """
    sizes = {name: None for name in getattr(builder, "MANUAL_FILES", ())}
    for url, info in (builder.url_infos or {}).items():
        # Of those that a user has to fetch, only the address may say what they are called.
        name = info.filename or (builder.MANUAL_DOWNLOAD_INSTRUCTIONS and url.rpartition("/")[2])
        if name:
            sizes[name] = info.size
    return dict(sorted(sizes.items()))


def first_line(error):
    """Returns the first line of an error's message, or its class where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
