"""Images of a split that are read and decoded as they are needed."""

import functools
import io

import numpy as np
import tensorflow as tf

from pipelines.augmentation import crop_boxes
from pipelines.sources.image_files import decode_image, reader_threads
from pipelines.task_spec import height_and_width


class IndexedImages:
    """Like `DecodedImages`, without any of them in memory but those of the batch in question.

    Args:
        index: `ImageIndex`, examined.
        rows: int64 array `(examples,)`, the numbers of the images of the split.
        image_size, channels, fit: see `standard_image`.
    """

    # Batches in the making: one decodes on all cores, and a second fills the gaps between them.
    # Left to tf.data, they could be as many as cores, and as many more wait in memory.
    parallel_batches = 2

    def __init__(self, index, rows, image_size, channels, fit):
        self._index = index
        self._rows = rows
        self._arguments = (image_size, channels, fit)
        self._shape = (*height_and_width(image_size), channels)

    def __len__(self):
        return len(self._rows)

    @property
    def labels(self):
        """int32 array `(examples,)`; none is read for it."""
        return self._index.labels[self._rows]

    def take(self, indices):
        """Returns the examples of the given numbers, as `DecodedImages.take` does.

        One that is not what it was when it was indexed is a `tf.errors.InvalidArgumentError`.
        """
        return self._take(indices)

    def take_crops(self, indices, draws):
        """Returns random parts of the whole photographs, as `DecodedImages.take_crops` does."""
        return self._take(indices, draws)

    @tf.autograph.experimental.do_not_convert
    def _take(self, indices, *draws):
        images, labels = tf.numpy_function(
            self._read_batch, [indices, *draws], (tf.uint8, tf.int32), stateful=False
        )
        batch = tf.TensorShape(indices.shape)
        images.set_shape(batch + self._shape)
        labels.set_shape(batch)
        return images, labels

    def _read_batch(self, indices, draws=None):
        rows = self._rows[indices]
        images = np.empty((len(rows), *self._shape), np.uint8)

        def read(number):
            content, box = io.BytesIO(self._index.read(rows[number])), None
            if draws is not None:
                box = functools.partial(crop_boxes, draws[number], self._shape)
            images[number] = decode_image(content, *self._arguments, box)

        list(reader_threads().map(read, range(len(rows))))  # Raises what a thread has raised.
        return images, self._index.labels[rows]
