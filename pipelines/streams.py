"""How the images of tasks become batches: their number, order, and augmentation."""

import zlib

import numpy as np
import tensorflow as tf

from pipelines.augmentation import colour_jitter, crop_draws, random_crop_and_flip
from pipelines.task_spec import checked_integer

# Weight of a task as a power of its number of training images. By the last, all tasks finish their
# epochs together.
WEIGHT_RULES = {"equal": 0.0, "sqrt": 0.5, "proportional": 1.0}
# What a stream draws numbers for, each with a seed of its own.
_PURPOSES = ("shuffle", "augment", "resized crop", "jitter")


def divide_batch(total, weights):
    """Divides the images of a step between tasks, in proportion to their weights.

    Every task has at least one image, and the sizes add up to `total`: what rounding down leaves
    over goes to those that are furthest below their share.

    Args:
        total: int, at least the number of tasks. Images of all tasks in a step.
        weights: dict from task name to float > 0.

    Returns:
        Dict from task name to int >= 1.
    """
    ideal = {name: total * weight / sum(weights.values()) for name, weight in weights.items()}
    sizes = {name: max(1, int(share)) for name, share in ideal.items()}
    while sum(sizes.values()) < total:
        sizes[max(sizes, key=lambda name: ideal[name] - sizes[name])] += 1
    while sum(sizes.values()) > total:
        # Those that were lifted to one image are paid for by the best off.
        payers = [name for name in sizes if sizes[name] > 1]
        sizes[min(payers, key=lambda name: ideal[name] - sizes[name])] -= 1
    return sizes


def training_stream(spec, images, batch_size, seed, start_step=0):
    """Returns the training batches of a task (see `DataSettings.task_batches`).

    The number of the step is the whole state of the stream: with `start_step=n` it starts with the
    batch that the whole stream has at position n, at no cost. Every epoch shows every image once.

    Args:
        images: `DecodedImages` or `IndexedImages` of the train split.
    """
    batch_size = checked_integer("batch_size", batch_size, 1)
    start_step = checked_integer("start_step", start_step, 0)
    seeds = {name: stream_seed(seed, spec.name, name) for name in _PURPOSES}

    # To look for Python to convert would take longer than all else up to the first batch.
    @tf.autograph.experimental.do_not_convert
    def read(step, indices):
        # The step is part of the seed, so that a resumed run augments as the whole one would.
        of_step = {name: tf.stack([of, tf.cast(step, tf.int32)]) for name, of in seeds.items()}
        pad = spec.pad
        if spec.augment == "resized":
            draws = crop_draws(batch_size, of_step["resized crop"], spec.crop_area)
            (batch, labels), pad = images.take_crops(indices, draws), 0
        else:
            batch, labels = images.take(indices)
        batch = random_crop_and_flip(batch, of_step["augment"], pad, spec.flip)
        if spec.jitter:
            batch = colour_jitter(batch, of_step["jitter"], spec.jitter)
        return batch, labels

    dataset = index_batches(len(images), batch_size, seeds["shuffle"], start_step)
    # Only numbers pass up to here; pixels are copied once, a batch at a time, and stay uint8.
    dataset = dataset.enumerate(start_step).map(read, images.parallel_batches)
    # Last, so that everything above runs while the model computes.
    return dataset.prefetch(images.parallel_batches)


def batches_in_order(images, batch_size):
    """Returns images in order, each once (see `DataSettings.split_batches`).

    Args:
        images: `DecodedImages` or `IndexedImages`.
        batch_size: int >= 1.
    """
    batch_size = checked_integer("batch_size", batch_size, 1)
    indices = tf.data.Dataset.range(len(images), output_type=tf.int32).batch(batch_size)
    return indices.map(images.take, images.parallel_batches).prefetch(images.parallel_batches)


def side_by_side(by_name):
    """Joins the batches in order of several tasks (see `DataSettings.evaluation_batches`).

    Args:
        by_name: dict from task name to what `batches_in_order` returns.
    """
    longest = max(map(len, by_name.values()))
    filled = {}
    for name, dataset in by_name.items():
        empty = tuple(tf.zeros((0, *of.shape[1:]), of.dtype) for of in dataset.element_spec)
        missing = tf.data.Dataset.from_tensors(empty).repeat(longest - len(dataset))
        filled[name] = dataset.concatenate(missing)
    return tf.data.Dataset.zip(filled)


def stream_seed(seed, task, purpose):
    """Returns a seed for one purpose of one task, an int in [0, 2**31).

    Tasks with the same base seed get different streams, or they would be shuffled alike.

    Args:
        seed: int >= 0, the base seed of a run.
        task: str.
        purpose: str, such as `"shuffle"`.

    Raises:
        ValueError: if `seed` is no integer >= 0.
    """
    seed = checked_integer("seed", seed, 0)
    # Not `hash`: Python salts it anew in every process. TensorFlow's seeds have 31 bits.
    return zlib.crc32(f"{seed}/{task}/{purpose}".encode()) & 0x7FFFFFFF


def index_batches(num_examples, batch_size, seed, start_step=0):
    """Returns endless batches of example numbers, shuffled anew in every epoch.

    Epoch e is a permutation of all examples that depends on `seed` and e alone, so that the batch
    of any step can be had without those before it. Batches span epochs: none is short, however
    large `batch_size`.

    Args:
        num_examples: int >= 1.
        batch_size: int >= 1.
        seed: int in [0, 2**31).
        start_step: int >= 0. Batches to leave out.

    Returns:
        Infinite `tf.data.Dataset` of int32 `(batch_size,)`.
    """
    first_epoch, offset = divmod(start_step * batch_size, num_examples)

    @tf.autograph.experimental.do_not_convert
    def order(epoch):
        epoch_seed = tf.stack([tf.constant(seed, tf.int64), epoch])
        numbers = tf.range(num_examples, dtype=tf.int32)
        return tf.data.Dataset.from_tensor_slices(
            tf.random.experimental.stateless_shuffle(numbers, epoch_seed)
        )

    epochs = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max)
    dataset = epochs.flat_map(order).skip(offset).batch(batch_size, drop_remainder=True)
    return dataset.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
