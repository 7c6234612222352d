"""In which order the images of a task are shown."""

import numpy as np
import tensorflow as tf


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

    def order(epoch):
        epoch_seed = tf.stack([tf.constant(seed, tf.int64), epoch])
        numbers = tf.range(num_examples, dtype=tf.int32)
        return tf.data.Dataset.from_tensor_slices(
            tf.random.experimental.stateless_shuffle(numbers, epoch_seed)
        )

    epochs = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max)
    dataset = epochs.flat_map(order).skip(offset).batch(batch_size, drop_remainder=True)
    return dataset.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
