"""Data sets that TensorFlow Datasets (tfds) has prepared on disk."""

import importlib

import tensorflow as tf

from pipelines.sources.data_not_found import DataNotFoundError
from pipelines.sources.default_data_dir import resolve_data_dir
from pipelines.sources.split import Split, check_split

# Bytes that a TFRecord file adds to every example: its length and two checksums.
_RECORD_FRAME = 16


class TfdsSource:
    """A tfds data set of TFRecord files, with splits `train` and `test` of (image, label).

    Args:
        builder_name: str, as tfds names it.
        page: str. The official page of the data set, in words, for the message when it is absent.
        files: str. The files there that `tools/prepare_data.py` prepares it from, in words; `None`
            for a data set that it does not know.
        prepare_from: str. A path of such a file or a folder of them, as an example.
        builder_module: str. The module to import so that tfds knows the data set; `None` for those
            that it comes with.
    """

    def __init__(self, builder_name, page, files=None, prepare_from=None, builder_module=None):
        self.builder_name = builder_name
        self.page = page
        self.files = files
        self.prepare_from = prepare_from
        self.builder_module = builder_module

    def load(self, split, data_dir=None, validation_share=0.1, download=False):
        """Returns one split.

        Validation is the first part of the prepared train files, which tfds has shuffled by a
        hash of the examples; it depends on `validation_share` alone.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            data_dir: str or path of the folder of prepared data sets; `None` for tfds' default.
            validation_share: float in [0, 0.5]. Share of the train split held out.
            download: bool. Whether to download and prepare the data set if it is absent.

        Returns:
            `Split`, in the order of the files.

        Raises:
            DataNotFoundError: if it is absent or damaged, or the download failed.
            ValueError: if an argument is out of range.
        """
        check_split(split, validation_share)
        builder = self._prepared_builder(data_dir, download)
        part = "test" if split == "test" else "train"
        count = self._check_files(builder, part, data_dir)
        start, stop = _bounds(split, count, validation_share)
        dataset = builder.as_dataset(
            split=f"{part}[{start}:{stop}]",
            as_supervised=True,
            shuffle_files=False,
            # Training caches after decoding; a second cache here would double the memory.
            read_config=_import_tfds().ReadConfig(try_autocache=False),
        )
        dataset = dataset.map(
            lambda image, label: (image, tf.cast(label, tf.int32)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        return Split(dataset, stop - start)

    def class_names(self, data_dir=None):
        """Returns the names of the classes as tfds has them, a list of str.

        Args:
            data_dir: see `load`.

        Raises:
            DataNotFoundError: if the data set is absent or damaged.
        """
        info = self._prepared_builder(data_dir, download=False).info
        return info.features[info.supervised_keys[1]].names

    def _prepared_builder(self, data_dir, download):
        tfds = _import_tfds()
        if self.builder_module:
            importlib.import_module(self.builder_module)
        root = resolve_data_dir(data_dir)
        try:
            builder = tfds.builder(self.builder_name, data_dir=str(root))
        except Exception as error:  # tfds raises whatever the parser of a damaged file did.
            folder = root / self.builder_name
            raise self._damaged(folder, _first_line(error), data_dir) from None
        # tfds writes this file last. Its own `is_prepared` would log a warning as well.
        if (builder.data_path / "dataset_info.json").exists():
            return builder
        if not download:
            raise self._absent(builder, data_dir)
        try:
            builder.download_and_prepare()
        except Exception as error:  # Network, disk and checksum errors have no common class.
            raise self._absent(builder, data_dir, _first_line(error)) from error
        return builder

    def _check_files(self, builder, part, data_dir):
        info = builder.info.splits.get(part)
        if info is None or not info.num_examples:
            raise self._damaged(builder.data_dir, f"there is no split '{part}'", data_dir)
        size = 0
        for path in map(str, info.filepaths):
            if not tf.io.gfile.exists(path):
                raise self._damaged(builder.data_dir, f"{path} is missing", data_dir)
            size += tf.io.gfile.stat(path).length
        # The cheap half of a check: a damaged byte is found by its checksum when it is read.
        if size < info.num_bytes + _RECORD_FRAME * info.num_examples:
            raise self._damaged(builder.data_dir, f"the files of '{part}' are cut off", data_dir)
        return info.num_examples

    def _absent(self, builder, data_dir, failure=None):
        missing = (
            f"`data_dir` must hold the images of '{self.builder_name}', prepared by tfds in "
            f"{builder.data_dir}."
        )
        received = f"Received: {data_dir=}"
        failed = f"Preparing them from {self.page} failed: {failure}." if failure else ""
        if not self.files:
            fetch = f"`--download` with network access fetches them from {self.page}."
            return DataNotFoundError(f"{missing}\n{failed or fetch}\n{received}")
        get = f"Download {self.files} from {self.page}."
        command = (
            f"`python tools/prepare_data.py --task={self.builder_name} --from={self.prepare_from} "
            f"--data_dir={builder.data_dir_root}` then prepares them, or {self._download()}."
        )
        return DataNotFoundError(f"{missing} {received}\n{f'{failed} {get}'.strip()}\n{command}")

    def _download(self):
        # A data set of ours has no address that tfds could fetch it from.
        if self.builder_module:
            return "`--download` where the file lies in downloads/manual there"
        return "`--download` where there is network"

    def _damaged(self, folder, problem, data_dir):
        return DataNotFoundError(
            f"`data_dir` must hold undamaged images of '{self.builder_name}', but in {folder}: "
            f"{problem}.\nRemove that folder and prepare it again from {self.page}.\n"
            f"Received: {data_dir=}"
        )


def _import_tfds():
    # Not at the top: its import takes a second that the other sources do without.
    import tensorflow_datasets

    return tensorflow_datasets


def _bounds(split, count, validation_share):
    if split == "test" or not validation_share:
        return 0, count
    held_out = min(max(1, round(validation_share * count)), count - 1)
    return (0, held_out) if split == "validation" else (held_out, count)


def _first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
