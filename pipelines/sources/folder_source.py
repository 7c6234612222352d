"""A user's own images: a folder with one folder per class."""

import tensorflow as tf

from pipelines.sources.file_index import FileIndex
from pipelines.sources.image_files import ReadableImages
from pipelines.sources.indexed_source import IndexedSource
from pipelines.task_spec import height_and_width


class FolderSource(IndexedSource):
    """Image files in class folders (see `ImageFolder`), brought to one shape.

    The folders `test` and `val`, where they are there, are the splits for testing and validation.

    Args:
        folder: str or path.
        image_size, **options: see `IndexedSource`.

    Raises:
        DataNotFoundError: see `ImageFolder`; also if the folder has other files than its index.
    """

    def __init__(self, folder, image_size, **options):
        super().__init__(FileIndex, folder, image_size, **options)
        self._images = ReadableImages(image_size, self.channels, self.fit)

    def load(self, split, data_dir=None, validation_share=0.1, download=False):
        """Returns one split, ordered by class and path (see `TaskSpec.load`).

        Loading train looks at the files of all splits. `data_dir` and `download` are ignored, and
        `validation_share` but for 0 where there is a folder of validation images.

        Raises:
            DataNotFoundError: if files cannot be read, or too few are left.
            ValueError: if an argument is out of range.
        """
        del data_dir, download
        return self._dataset(self._rows(split, validation_share))

    def _find_faults(self, rows):
        if self._index.faults is not None:
            return super()._find_faults(rows)
        of_path = {self._index.name(row): row for row in rows}
        found = self._images.faults(list(of_path))
        return {of_path[path]: fault for path, fault in found.items()}

    def _dataset(self, rows):
        shape = (*height_and_width(self.image_size), self.channels)

        def read(row, label):
            image = tf.numpy_function(
                lambda number: self._images.read(self._index.name(number)),
                [row],
                tf.uint8,
                stateful=False,
            )
            return tf.ensure_shape(image, shape), label

        dataset = tf.data.Dataset.from_tensor_slices((rows, self._index.labels[rows]))
        return dataset.map(read, num_parallel_calls=tf.data.AUTOTUNE)
