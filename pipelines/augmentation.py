"""What is done to training images at random: shifts, mirrors, crops and colours."""

import numpy as np
import tensorflow as tf

# Of the shape of a resized crop, to that of the images: from three quarters to its inverse.
_MAX_STRETCH = 4 / 3
# Luma by ITU-R 601, as for grey images.
_LUMA = (0.299, 0.587, 0.114)


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


def crop_draws(batch_size, seed, min_area):
    """Draws what `crop_boxes` needs to know of every image of a batch.

    Args:
        batch_size: int >= 1.
        seed: int32 tensor `(2,)`. The same seed gives the same result.
        min_area: float in (0, 1], the smallest share of an image's area that a crop may have.

    Returns:
        float32 tensor `(batch_size, 4)`: the share of the area, uniform in `[min_area, 1]`; the
        logarithm of the stretch, uniform between those of 3/4 and 4/3; and the place from top to
        bottom and from left to right, uniform in [0, 1).
    """
    stretch = np.log(_MAX_STRETCH)
    low, high = np.float32([[min_area, -stretch, 0, 0], [1, stretch, 1, 1]])
    return low + (high - low) * tf.random.stateless_uniform((batch_size, 4), seed)


def crop_boxes(draws, image_shape, height, width):
    """Returns the parts of images that random resized crops show.

    A crop has the drawn share of the image's area and the shape of `image_shape`, stretched as
    drawn; one that does not fit into the image is the largest of its shape.

    Args:
        draws: float32 array `(..., 4)`, of `crop_draws`.
        image_shape: tuple that begins with the height and width that crops are brought to.
        height, width: numbers, those of the images in pixels.

    Returns:
        float64 array `(..., 4)` in [0, 1]: top, left, bottom and right, as shares of the sides.
    """
    area, stretch, down, across = np.moveaxis(draws.astype(np.float64), -1, 0)
    shape = np.exp(stretch) * image_shape[1] / image_shape[0]
    tall = np.sqrt(area * width / (shape * height))  # As a share of the image's height.
    wide = np.sqrt(area * height * shape / width)
    largest = np.maximum(1, np.maximum(tall, wide))
    tall, wide = tall / largest, wide / largest
    top, left = down * (1 - tall), across * (1 - wide)
    bottom, right = np.minimum(1, top + tall), np.minimum(1, left + wide)
    return np.stack([top, left, bottom, right], axis=-1)


def colour_jitter(images, seed, strength):
    """Changes brightness, contrast and saturation of every image, each by a factor of its own.

    The factors are uniform in `[1 - strength, 1 + strength]`: brightness multiplies the pixels,
    contrast their distance from the mean luma of the image, saturation that from the luma of the
    pixel. Grey images have no saturation.

    Args:
        images: uint8 tensor `(batch, height, width, channels)`.
        seed: int32 tensor `(2,)`. The same seed gives the same result.
        strength: float in [0, 1].

    Returns:
        Tensor of the shape and type of `images`.
    """
    factors = tf.random.stateless_uniform(
        (tf.shape(images)[0], 1, 1, 3), seed, 1 - strength, 1 + strength
    )
    brightness, contrast, saturation = tf.split(factors, 3, axis=-1)
    pixels = tf.cast(images, tf.float32)
    luma = pixels
    if images.shape[-1] == len(_LUMA):
        luma = tf.nn.conv2d(pixels, tf.reshape(tf.constant(_LUMA), (1, 1, -1, 1)), 1, "VALID")
    mean = tf.reduce_mean(luma, axis=(1, 2), keepdims=True)
    # As all three are linear, one step over all colours does; the half is for rounding.
    grey = contrast * (1 - saturation) * luma + (1 - contrast) * mean
    changed = brightness * contrast * saturation * pixels + (brightness * grey + 0.5)
    return tf.saturate_cast(changed, images.dtype)
