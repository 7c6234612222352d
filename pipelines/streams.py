"""How the decoded images of tasks become batches: their number, order, and augmentation."""

import zlib

import numpy as np
import tensorflow as tf

from pipelines.task_spec import checked_integer

# Weight of a task as a power of its number of training images. By the last, all tasks finish their
# epochs together.
WEIGHT_RULES = {"equal": 0.0, "sqrt": 0.5, "proportional": 1.0}


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
        images: `DecodedImages` of the train split.
    """
    batch_size = checked_integer("batch_size", batch_size, 1)
    start_step = checked_integer("start_step", start_step, 0)
    shuffle_seed = stream_seed(seed, spec.name, "shuffle")
    augment_seed = stream_seed(seed, spec.name, "augment")

    # To look for Python to convert would take longer than all else up to the first batch.
    @tf.autograph.experimental.do_not_convert
    def read(step, indices):
        batch, labels = images.take(indices)
        # The step is part of the seed, so that a resumed run augments as the whole one would.
        step_seed = tf.stack([augment_seed, tf.cast(step, tf.int32)])
        return random_crop_and_flip(batch, step_seed, spec.pad, spec.flip), labels

    dataset = index_batches(len(images), batch_size, shuffle_seed, start_step)
    # Only numbers pass up to here; pixels are copied once, a batch at a time, and stay uint8.
    dataset = dataset.enumerate(start_step).map(read, num_parallel_calls=tf.data.AUTOTUNE)
    # Last, so that everything above runs while the model computes.
    return dataset.prefetch(tf.data.AUTOTUNE)


def batches_in_order(images, batch_size):
    """Returns `DecodedImages` in order, each once (see `DataSettings.split_batches`)."""
    batch_size = checked_integer("batch_size", batch_size, 1)
    indices = tf.data.Dataset.range(len(images), output_type=tf.int32).batch(batch_size)
    return indices.map(images.take, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


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


def random_crop_and_flip(images, seed, pad, flip):
    """Shifts every image by its own random offset and mirrors it by its own coin.

    An image is padded with black by `pad` pixels on every side and cropped back to its size.

    Args:
        images: uint8 tensor `(batch, height, width, channels)`.
        seed: int32 tensor `(2,)`. The same seed gives the same result.
        pad: int >= 0, in pixels.
        flip: bool. Whether images may be mirrored, each with probability 1/2.

    Returns:
        Tensor of the shape and type of `images`.
    """
    batch, height, width = tf.unstack(tf.shape(images)[:3])
    crop_seed, flip_seed = tf.unstack(tf.random.split(seed, 2))
    # Both axes of all offsets are one draw, each value in [0, 2 * pad].
    offsets = tf.random.stateless_uniform((batch, 2), crop_seed, 0, 2 * pad + 1, tf.int32)
    rows = offsets[:, :1] + tf.range(height)
    columns = offsets[:, 1:] + tf.range(width)
    if flip:
        is_flipped = tf.random.stateless_uniform((batch, 1), flip_seed, 0, 2, tf.int32) == 1
        # To read the columns from right to left is a mirror that costs nothing.
        columns = tf.where(is_flipped, columns[:, ::-1], columns)
    padded = tf.pad(images, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
    cropped = tf.gather(padded, rows, axis=1, batch_dims=1)
    cropped = tf.gather(cropped, columns, axis=2, batch_dims=1)
    cropped.set_shape(images.shape)
    return cropped
