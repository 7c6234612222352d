"""Images of a task's size, and of any other where an export brings them to it by itself."""

import tensorflow as tf

from elastic_tf.layers.task_layers import resize_images


def images_spec(image_shape, dtype, any_size=False):
    """Returns the `tf.TensorSpec` of the images that an export takes, in batches of any size.

    Args:
        image_shape: `(height, width, channels)`, pixels, of the task.
        dtype: dtype of the images.
        any_size: bool. Whether height and width may be others. Defaults to `False`.
    """
    height, width, channels = image_shape
    size = (None, None) if any_size else (height, width)
    return tf.TensorSpec((None, *size, channels), dtype, name="images")


def at_size_of(image_shape, images):
    """Returns images at a task's height and width: stretched, whatever shape they have.

    Bilinear between the centres of pixels and without smoothing, as every runtime has it. Images of
    the task's size keep their pixels, and are not touched where the graph knows their size.

    Args:
        image_shape: `(height, width, channels)`, pixels, of the task.
        images: tensor or array `(batch, height, width, channels)` of any numeric type; the batch
            may be empty, its images must not be.

    Returns:
        Tensor `(batch, *image_shape)`, float32 where they may have been resized.
    """
    size = tuple(image_shape[:2])
    if tuple(images.shape[1:3]) == size:
        return images
    return resize_images(images, size)
