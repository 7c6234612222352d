"""The images of a split: decoded once, for all who read them, or read as they are needed."""

import math
import weakref
import zlib

import numpy as np
import tensorflow as tf

from pipelines.decoded_images import decode_images
from pipelines.memory import available_memory

_COMFORTABLE_SHARE = 0.5  # Of the memory left, for images that could be read as needed.
_SAMPLED = 64  # Images whose pixels tell a split from another.
# Decoded splits, as long as a data set reads them: those who read the same one share it.
_HELD = weakref.WeakValueDictionary()


def images_of(spec, split, settings):
    """Returns images that any position of a stream can be read from.

    Args:
        spec: `TaskSpec`.
        split: `"train"`, `"validation"` or `"test"`.
        settings: `DataSettings`.

    Returns:
        `DecodedImages` or `IndexedImages`.
    """
    images = images_at_hand(spec, split, settings)
    if images is None:
        # Decoded once, as training and validation pass over the images again and again.
        images = decode_images(stream_of(spec, split, settings), spec, settings.cache_dir)
        images.source = spec.source  # Its id is no other's as long as it lives.
        _HELD[_key(spec, split, settings)] = images
    return images


def images_at_hand(spec, split, settings):
    """Returns the images of `images_of` if nothing needs to be decoded for it, or `None`."""
    held = _HELD.get(_key(spec, split, settings))
    return read_as_needed(spec, split, settings) if held is None else held


def read_as_needed(spec, split, settings):
    """Returns the `IndexedImages` of a split that is not to be decoded at once, or `None`."""
    read = getattr(spec.source, "read_as_needed", None)
    if read is None:
        return None
    # Resized crops are of the whole photographs, which nobody could hold.
    if not _is_of_photographs(spec, split):
        is_auto = settings.decode == "auto"
        if settings.decode == "memory" or (is_auto and settings.cache_dir is not None):
            return None
        size = spec.source.num_images * math.prod(spec.image_shape)
        if is_auto and size <= _COMFORTABLE_SHARE * available_memory():
            return None
    return read(split, settings.validation_share)


def stream_of(spec, split, settings):
    """Returns the images in order, decoded as they are passed over: a `tf.data.Dataset`."""
    return spec.load(split, settings.data_dir, settings.validation_share, settings.download)


def checksum(images):
    """Returns a CRC-32 of all labels in their order, and of the pixels of a few images: an int.

    Args:
        images: what `images_of` returns.

    Raises:
        ValueError: if an image is not what it was when it was indexed.
    """
    spread = np.linspace(0, len(images) - 1, _SAMPLED, dtype=np.int64)
    try:
        some, _ = images.take(spread)
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(error.message.partition("\n")[0]) from None
    return zlib.crc32(some.numpy(), zlib.crc32(images.labels.astype(np.int32)))


def _is_of_photographs(spec, split):
    return split == "train" and spec.augment == "resized"


def _key(spec, split, settings):
    images = (id(spec.source), spec.name, spec.image_shape, spec.num_classes, split)
    of_files = _is_of_photographs(spec, split)
    return *images, settings.data_dir, settings.validation_share, settings.cache_dir, of_files
