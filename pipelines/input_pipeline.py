"""The pipeline of one task, from its source to batches."""

import tensorflow as tf

from pipelines.augment import random_crop_and_flip
from pipelines.decoded_images import decode_images
from pipelines.index_stream import index_batches
from pipelines.stream_seed import stream_seed


def load_split(spec, split, data_dir=None, validation_share=0.1, download=False):
    """Returns the `Split` of a task, after a check that its images are what the task says.

    Args:
        spec: `TaskSpec`.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: str or path of the folder of prepared data sets; `None` for the default of tfds.
        validation_share: float in [0, 0.5]. Share of train held out for validation.
        download: bool. Whether absent data sets may be downloaded.

    Raises:
        DataNotFoundError: if the images are absent or damaged.
        ValueError: if an argument is out of range, or the source gives other images.
    """
    loaded = spec.source.load(
        split, data_dir=data_dir, validation_share=validation_share, download=download
    )
    expected = (tf.TensorSpec(spec.image_shape, tf.uint8), tf.TensorSpec((), tf.int32))
    received = loaded.dataset.element_spec
    if received != expected:
        raise ValueError(
            f"`spec` of '{spec.name}' must have a source of {expected}. Received: {received=}"
        )
    return loaded


def train_dataset(
    spec,
    batch_size,
    seed,
    data_dir=None,
    validation_share=0.1,
    start_step=0,
    cache_dir=None,
    download=False,
):
    """Returns the shuffled, augmented and endless training batches of a task.

    The batch of a step is a function of `seed`, the name of the task and the number of the step:
    the number is the whole state of the stream. With `start_step=n` it starts with the batch that
    the whole stream has at position n, at no cost. Every epoch shows every image once.

    Args:
        spec: `TaskSpec`.
        batch_size: int >= 1.
        seed: int >= 0.
        data_dir: see `load_split`.
        validation_share: see `load_split`.
        start_step: int >= 0. Batches to leave out.
        cache_dir: str or path of an existing folder for the decoded images; `None` for memory.
        download: see `load_split`.

    Returns:
        Infinite `tf.data.Dataset` of `(images, labels)`: uint8
        `(batch_size, height, width, channels)` and int32 `(batch_size,)`.

    Raises:
        DataNotFoundError: see `load_split`.
        ValueError: if an argument is out of range, an image cannot be read, or a label is not one
            of the task's classes.
    """
    _check_integer("batch_size", batch_size, 1)
    _check_integer("start_step", start_step, 0)
    shuffle_seed = stream_seed(seed, spec.name, "shuffle")
    augment_seed = stream_seed(seed, spec.name, "augment")
    split = load_split(spec, "train", data_dir, validation_share, download)
    decoded = decode_images(split, spec.name, spec.num_classes, cache_dir)

    def read(step, indices):
        images, labels = decoded.take(indices)
        # The step is part of the seed, so that a resumed run augments as the whole one would.
        step_seed = tf.stack([augment_seed, tf.cast(step, tf.int32)])
        return random_crop_and_flip(images, step_seed, spec.pad, spec.flip), labels

    dataset = index_batches(len(decoded), batch_size, shuffle_seed, start_step)
    # Only numbers pass up to here; pixels are copied once, a batch at a time, and stay uint8.
    dataset = dataset.enumerate(start_step).map(read, num_parallel_calls=tf.data.AUTOTUNE)
    # Last, so that everything above runs while the model computes.
    return dataset.prefetch(tf.data.AUTOTUNE)


def eval_dataset(
    spec,
    split,
    batch_size,
    data_dir=None,
    validation_share=0.1,
    cache_dir=None,
    download=False,
):
    """Returns the images of a split in order, each once; the last batch may be smaller.

    Args:
        spec: `TaskSpec`.
        split: `"train"`, `"validation"` or `"test"`.
        batch_size: int >= 1.
        data_dir: see `load_split`.
        validation_share: see `load_split`.
        cache_dir: see `train_dataset`.
        download: see `load_split`.

    Returns:
        Finite `tf.data.Dataset` of `(images, labels)`: uint8 `(batch, height, width, channels)`
        and int32 `(batch,)`.

    Raises:
        DataNotFoundError: see `load_split`.
        ValueError: see `train_dataset`.
    """
    _check_integer("batch_size", batch_size, 1)
    loaded = load_split(spec, split, data_dir, validation_share, download)
    # Decoded once, as validation passes over it again and again.
    decoded = decode_images(loaded, spec.name, spec.num_classes, cache_dir)
    indices = tf.data.Dataset.range(len(decoded), output_type=tf.int32).batch(batch_size)
    return indices.map(decoded.take, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _check_integer(argument, value, minimum):
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ValueError(
            f"`{argument}` must be an integer >= {minimum}. Received: {argument}={value!r}"
        )
