"""A check of the images that a task's layers are given."""

import tensorflow as tf


def check_images(images, task, image_shape):
    """Returns `images` as a tensor.

    Args:
        images: tensor or array `(batch, *image_shape)`.
        task: str, for the message.
        image_shape: `(height, width, channels)`, pixels.

    Raises:
        ValueError: if the shape is another.
    """
    images = tf.convert_to_tensor(images)
    if images.shape.rank != 4 or not images.shape[1:].is_compatible_with(image_shape):
        raise ValueError(
            f"Images of task '{task}' must have shape (batch, {', '.join(map(str, image_shape))}). "
            f"Received: images.shape={tuple(images.shape)}"
        )
    return images
