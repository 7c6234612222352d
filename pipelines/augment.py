"""The usual augmentation of small images: a random crop and a horizontal flip."""

import tensorflow as tf


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

    Raises:
        ValueError: if `pad` is negative.
    """
    if pad < 0:
        raise ValueError(f"`pad` must be at least 0, in pixels. Received: {pad=}")
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
