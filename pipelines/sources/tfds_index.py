"""The examples of a prepared tfds data set, in files that are read in any order."""

import json
import zlib

import numpy as np
import tensorflow as tf

from pipelines.sources.image_index import ImageIndex
from pipelines.sources.split import SPLITS, DataNotFoundError
from pipelines.sources.tfds_source import first_line

FILE_FORMAT = "array_record"


class TfdsIndex(ImageIndex):
    """The examples of a tfds data set of photographs, in the order in which tfds has them.

    The supervised keys of the data set are an image of any size and a class label. Its split
    `test`, or where there is none with labels its split `validation`, is for testing; a split
    `validation` beside it is for validation. Other splits are left out.

    Args:
        builder: prepared `tfds.core.DatasetBuilder`; no image is read.

    Raises:
        DataNotFoundError: if it has other features, lacks a split `train` or a file, or its files
            are not of the format array_record.
    """

    def __init__(self, builder):
        self._open(builder)
        # As long as nobody has looked, and of records that cannot be read: a class of their own.
        self.labels = np.full(sum(self.counts.values()), len(self.classes), np.int32)

    def _open(self, builder):
        self._builder = builder
        self._image_key, self._label_key = photograph_keys(builder)
        self.classes = list(builder.info.features[self._label_key].names)
        self._parts = self._find_parts()
        infos = [builder.info.splits[part] for part in self._parts.values()]
        self.counts = {
            split: info.num_examples for split, info in zip(self._parts, infos, strict=True)
        }
        self._ends = np.cumsum(list(self.counts.values()))
        self._is = self._identity(infos)

    def _find_parts(self):
        """Opens the splits, and returns a dict from split to what it is called in tfds."""
        infos = self._builder.info.splits
        parts = {part: part for part in SPLITS if part in infos and infos[part].num_examples}
        if "train" not in parts:
            self.refuse(f"have a split train, but has {', '.join(infos) or 'none'}")
        self._sources = self._data_sources(parts)
        # Of challenges, whose test images have no labels, the validation images are tested on.
        if "test" in parts and not self._has_labels("test"):
            del parts["test"]
        if "test" not in parts and "validation" in parts:
            parts["test"] = parts.pop("validation")
        return parts

    def _has_labels(self, part):
        try:
            return self._example(part, 0)[self._label_key] >= 0
        except ValueError:
            return True  # It is damaged, which is told with all others.

    def _data_sources(self, parts):
        import tensorflow_datasets as tfds

        features = self._builder.info.features
        # Masks beside the image are not wanted, and would take as long.
        images = [key for key, of in features.items() if isinstance(of, tfds.features.Image)]
        decoders = {key: tfds.decode.SkipDecoding() for key in images}
        _allow_open_files(sum(self._builder.info.splits[part].num_shards for part in parts))
        try:
            return self._builder.as_data_source(parts, decoders=decoders, file_format=FILE_FORMAT)
        except (NotImplementedError, ValueError):
            return self.refuse(
                f"be prepared as {FILE_FORMAT}, as `prepare_data --tfds={_name(self._builder)} "
                "--manual_dir=FOLDER --data_dir=OTHER_FOLDER` does, but is prepared as "
                f"{self._builder.info.file_format.value}"
            )

    def _identity(self, infos):
        """Returns what tells the data set from others, a str."""
        paths = [str(path) for info in infos for path in info.filepaths]
        missing = [path for path in paths if not tf.io.gfile.exists(path)]
        if missing:
            self.refuse(f"have all its files, but {missing[0]} is missing")
        sizes = [tf.io.gfile.stat(path).length for path in paths]
        shards = json.dumps([sizes, *(info.shard_lengths for info in infos)])
        counts = ", ".join(f"{count:,} {split}" for split, count in self.counts.items())
        name = self._builder.info.full_name
        return f"{name} with {counts} images and the checksum {zlib.crc32(shards.encode()):08x}"

    def name(self, row):
        """Returns what an example is called in messages, a str."""
        split, number = self._place(row)
        return f"example {number} of {self._builder.info.full_name}, {self._parts[split]},"

    def refuse(self, expected):
        """Raises the `DataNotFoundError` that says what the data set must be."""
        _refuse(self._builder, expected)

    def _place(self, row):
        """Returns the split of an example, and its number there."""
        part = int(np.searchsorted(self._ends, row, side="right"))
        split = list(self.counts)[part]
        return split, int(row - self._ends[part] + self.counts[split])

    def _example(self, part, number):
        try:
            return self._sources[part][number]
        except RuntimeError as error:  # array_record has no other.
            reason = first_line(error)
            if "Corrupted" in reason:
                raise ValueError(reason) from None
            return self.refuse(f"have files that can be opened, but {reason}")

    def _fetch(self, row):
        split, number = self._place(row)
        example = self._example(self._parts[split], number)
        label = example[self._label_key]
        if label < 0:
            raise ValueError("it has no label")
        return example[self._image_key], label

    def _known(self):
        return {"is": self._is}

    def _find(self, known, file, place):
        self._open(place)
        if self._is != known["is"]:
            self.refuse(
                f"be {known['is']}, as {file} lists it, on which splits and order depend (remove "
                f"it to take the data set as it is), but is {self._is}"
            )


def photograph_keys(builder):
    """Returns the names of the features of a tfds data set that are its image and its label.

    Args:
        builder: `tfds.core.DatasetBuilder`, prepared or not.

    Raises:
        DataNotFoundError: if they are no image of uint8 and a class label.
    """
    import tensorflow_datasets as tfds  # Takes seconds, which other tasks need not wait.

    features, keys = dict(builder.info.features.items()), builder.info.supervised_keys or ()
    found = [features.get(key) for key in keys if isinstance(key, str)]
    if [type(of) for of in found] != [tfds.features.Image, tfds.features.ClassLabel]:
        _refuse(
            builder,
            "have an Image and a ClassLabel as its supervised keys, but has "
            f"{keys or 'none'} among {', '.join(features)}",
        )
    image, label = found
    if image.np_dtype != np.uint8 or (label.num_classes or 0) < 2:
        _refuse(
            builder,
            "have images of uint8 in at least 2 classes, but has them of "
            f"{np.dtype(image.np_dtype)} in {label.num_classes}",
        )
    return keys


def _refuse(builder, expected):
    raise DataNotFoundError(
        f"`tfds` must {expected}. Received: tfds={_name(builder)}, in {builder.data_path}"
    )


def _name(builder):
    config = builder.builder_config
    return f"{builder.name}/{config.name}" if config else builder.name


def _allow_open_files(count):
    """Lifts this process' limit of open files, as far as it may: each keeps one open."""
    try:
        import resource  # Not on Windows, which has no such limit.
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        wanted = soft + count
        wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
