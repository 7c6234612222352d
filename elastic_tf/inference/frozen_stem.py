"""A task's stem with its weights frozen into constants."""

import tensorflow as tf

from elastic_tf.inference.folding import fold_norm
from elastic_tf.inference.fused_conv import conv_bias_relu


class FrozenStem:
    """`TaskStem` for inference: rescaling and normalisation are folded into the convolution.

    Args:
        stem: a built `TaskStem`.

    Call arguments:
        images: tensor `(batch, *image_shape)` of any numeric type, not empty, pixels in 0..255.

    Returns:
        float32 tensor `(batch, height, width, filters)`.
    """

    def __init__(self, stem):
        self._strides = stem.strides
        kernel, self._bias = fold_norm(stem.conv.kernel, stem.norm, stem.task)
        # Only the scale: a shift does not pass the convolution's zero padding.
        self._kernel = kernel * stem.rescale.scale
        self._shift = stem.rescale.offset / stem.rescale.scale

    def __call__(self, images):
        centred = tf.cast(images, tf.float32) + self._shift
        return conv_bias_relu(centred, self._kernel, self._bias, self._strides)
