"""All images of a split, decoded once and read in any order."""

import math
import tempfile

import numpy as np
import tensorflow as tf

from pipelines.augmentation import crop_boxes
from pipelines.memory import available_memory

_READ_BYTES = 2**22  # At a time.
_ALIGNMENT = 64  # Of tensors' memory, in bytes.


class DecodedImages:
    """Decoded images of one split, in memory or in a file.

    Random access makes any position of a shuffled stream as cheap to reach as its start, which is
    what lets a run go on from a step number alone.

    Args:
        images: uint8 array `(examples, height, width, channels)`, writable and at an address that
            64 divides, in memory or a `numpy.memmap`. It is shared, not copied.
        labels: int32 array `(examples,)`.
    """

    parallel_batches = tf.data.AUTOTUNE

    def __init__(self, images, labels):
        # Of a tensor, every data set that reads it would keep a copy in its graph; of a variable,
        # only the handle. What comes by DLPack shares its memory with the array.
        with tf.device("CPU:0"):  # Where batches are gathered, also beside a GPU.
            shared = tf.experimental.dlpack.from_dlpack(images.__dlpack__())
            self._images = tf.Variable(shared, trainable=False)
            self._labels = tf.Variable(labels, trainable=False)

    def __len__(self):
        return self._labels.shape[0]

    @property
    def labels(self):
        """int32 array `(examples,)`."""
        return self._labels.numpy()

    @tf.autograph.experimental.do_not_convert
    def take(self, indices):
        """Returns the examples of the given numbers.

        Args:
            indices: integer tensor `(batch,)`, each in `[0, len(self))`.

        Returns:
            uint8 tensor `(batch, height, width, channels)` and int32 tensor `(batch,)`.
        """
        # To gather from the variable itself would copy it whole, the first time.
        images, labels = self._images.read_value(), self._labels.read_value()
        return tf.gather(images, indices), tf.gather(labels, indices)

    def take_crops(self, indices, draws):
        """Returns random parts of the examples, brought to the images' size (bilinear).

        Args:
            indices: see `take`.
            draws: float32 tensor `(batch, 4)`, of `crop_draws`.

        Returns:
            See `take`.
        """
        images, labels = self.take(indices)
        shape = images.shape[1:]
        boxes = tf.numpy_function(
            lambda draws: crop_boxes(draws, shape, *shape[:2]).astype(np.float32),
            [draws],
            tf.float32,
            stateful=False,
        )
        boxes.set_shape((indices.shape[0], 4))
        which = tf.range(tf.shape(boxes)[0])
        cropped = tf.image.crop_and_resize(images, boxes, which, shape[:2])
        return tf.saturate_cast(tf.round(cropped), tf.uint8), labels


def decode_images(dataset, spec, cache_dir=None):
    """Reads a split once, from its first to its last example.

    Args:
        dataset: what `spec.load` returns.
        spec: `TaskSpec`.
        cache_dir: str or path of an existing folder for the decoded images; `None` for memory. The
            file has no name there and is gone with the process, however that ends.

    Returns:
        `DecodedImages`, in the order of the split.

    Raises:
        ValueError: if a label is not in `[0, num_classes)`, an example cannot be read, the split
            ends early, or the images do not fit in memory.
        FileNotFoundError: if `cache_dir` is no folder.
        OSError: if the disk is full.
    """
    shape = (len(dataset), *spec.image_shape)
    labels = np.empty(len(dataset), np.int32)
    if cache_dir is None:
        images = _aligned_array(shape)  # Takes memory only where it is written to.
        for rows, some_images, some_labels in _chunks(dataset, spec):
            if not rows.start:  # By now the source holds what it needs for reading.
                _check_memory(spec.name, shape)
            images[rows] = some_images
            labels[rows] = some_labels
        return DecodedImages(images, labels)
    with _unnamed_file(cache_dir) as file:
        for rows, some_images, some_labels in _chunks(dataset, spec):
            # Written, not mapped: a full disk is then an error and not a bus error.
            file.write(some_images.tobytes())
            labels[rows] = some_labels
        file.flush()
        # The mapping keeps the file open.
        return DecodedImages(np.memmap(file, np.uint8, "r+", shape=shape), labels)


def _aligned_array(shape):
    size = math.prod(shape)
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].reshape(shape)


def _chunks(dataset, spec):
    """Yields the rows of a chunk, a slice, and its images and labels."""
    count = 0
    chunk = 1 + _READ_BYTES // math.prod(spec.image_shape)
    try:
        for images, labels in dataset.batch(chunk).as_numpy_iterator():
            wrong = labels[(labels < 0) | (labels >= spec.num_classes)]
            if wrong.size:
                raise ValueError(
                    f"`labels` of '{spec.name}' must be in [0, {spec.num_classes}). "
                    f"Received: {wrong[0]}"
                )
            yield slice(count, count + len(labels)), images, labels
            count += len(labels)
    except tf.errors.OpError as error:
        raise ValueError(
            f"`images` of '{spec.name}' must be readable. Received, in or after example {count}: "
            f"{(error.message or type(error).__name__).splitlines()[0]}"
        ) from None
    if count != len(dataset):
        raise ValueError(
            f"`images` of '{spec.name}' must be {len(dataset)} in number. Received: {count}"
        )


def _check_memory(name, shape):
    needed = math.prod(shape)
    available = available_memory()
    if needed > available:
        raise ValueError(
            f"`cache_dir` must be a folder for the decoded images of '{name}', as their "
            f"{needed / 1e9:.1f} GB do not fit in memory. "
            f"Received: cache_dir=None, {available / 1e9:.1f} GB available"
        )


def _unnamed_file(cache_dir):
    try:
        return tempfile.TemporaryFile(dir=cache_dir)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(
            f"`cache_dir` must be an existing folder. Received: {cache_dir=}"
        ) from None
