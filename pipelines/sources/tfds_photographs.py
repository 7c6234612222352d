"""A tfds data set of photographs of any size, as a user's own images."""

import tensorflow as tf

from pipelines.sources.indexed_source import IndexedSource
from pipelines.sources.split import DataNotFoundError
from pipelines.sources.tfds_index import FILE_FORMAT, TfdsIndex
from pipelines.sources.tfds_source import (
    download_missing,
    first_line,
    is_prepared,
    resolve_data_dir,
    tfds_builder,
)
from pipelines.streams import batches_in_order

_CHUNK = 64


class TfdsPhotographs(IndexedSource):
    """The images of a tfds data set (see `TfdsIndex`), brought to one shape.

    Unlike those of `TfdsSource`, they may be of any size, and are read in any order.

    Args:
        name: str, as tfds has it: `NAME`, `NAME/CONFIG` or `NAME:VERSION`.
        image_size, **options: see `IndexedSource`.
        data_dir, download: see `TaskSpec.load`.

    Raises:
        DataNotFoundError: if it is not prepared, or has other features, splits or files than
            `TfdsIndex` takes, or its index is of another data set.
    """

    def __init__(self, name, image_size, data_dir=None, download=False, **options):
        builder = prepared_photographs(name, data_dir, download)
        super().__init__(TfdsIndex, builder, image_size, **options)

    def load(self, split, data_dir=None, validation_share=0.1, download=False):
        """Returns one split, in the order of the files (see `TaskSpec.load`).

        `data_dir` and `download` are ignored, and `validation_share` but for 0 where the data set
        has images for validation and for testing.

        Raises:
            DataNotFoundError: if images cannot be read, or too few are left.
            ValueError: if an argument is out of range.
        """
        del data_dir, download
        images = self.read_as_needed(split, validation_share)
        dataset = batches_in_order(images, _CHUNK).unbatch()
        return dataset.apply(tf.data.experimental.assert_cardinality(len(images)))


def prepared_photographs(name, data_dir=None, download=False):
    """Returns the `tfds.core.DatasetBuilder` of a prepared data set.

    Args:
        name: see `TfdsPhotographs`.
        data_dir, download: see `TaskSpec.load`.

    Raises:
        DataNotFoundError: if tfds does not know it, or it is damaged or not prepared.
    """
    builder = photographs_builder(name, data_dir)
    failure = download_missing(builder, FILE_FORMAT) if download else None
    if not is_prepared(builder):
        reason = f"; download failed: {first_line(failure)}" if failure else ""
        raise DataNotFoundError(
            "`tfds` must be prepared in the folder of `data_dir`, which `--download` does, or "
            f"`prepare_data --tfds={name} --manual_dir=FOLDER` from its official archives. "
            f"Received: tfds={name}, {data_dir=}, without {builder.data_path}{reason}"
        ) from failure
    return builder


def photographs_builder(name, data_dir=None):
    """Returns the `tfds.core.DatasetBuilder` of a name, whether or not it is prepared.

    Raises:
        DataNotFoundError: if tfds does not know the name, or what lies in its place is damaged.
    """
    try:
        return tfds_builder(name, data_dir)
    except Exception as error:  # tfds raises whatever the parser of a damaged file did.
        raise DataNotFoundError(
            "`tfds` must be a data set that tfds knows, or that is prepared and undamaged in the "
            f"folder of `data_dir`. Received: tfds={name}, data_dir={resolve_data_dir(data_dir)}: "
            f"{first_line(error)}"
        ) from None
