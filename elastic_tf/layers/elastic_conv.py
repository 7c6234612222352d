"""A convolution that runs on a prefix of its channels."""

import keras
import tensorflow as tf

from elastic_tf.costs.macs import conv2d_macs, same_output_size
from elastic_tf.layers.empty_batch import run_unless_empty


@keras.saving.register_keras_serializable("elastic_tf")
class ElasticConv2D(keras.layers.Layer):
    """2D convolution, 'same' padding, no bias, sliced to the width asked for.

    One kernel variable at full width. A call uses the first input channels of the kernel, as
    many as `inputs` has, and the first `active_filters` of its filters, so narrow models are
    nested in wide ones. An empty batch gives an empty output of the right shape.

    Args:
        filters: int. Output channels at full width.
        kernel_size: int. Side of the square kernel, pixels. Defaults to 3.
        strides: int, pixels. Defaults to 1.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`; all but the batch is static, and
            the channels are at most those the layer was built with.
        active_filters: int in `[1, filters]`, or `None` for all.

    Output shape: `(batch, ceil(height / strides), ceil(width / strides), active_filters)`.

    Raises:
        ValueError: if an argument is out of range.

    Example:

    >>> conv = ElasticConv2D(8)
    >>> conv.build((None, 4, 4, 6))
    >>> conv(tf.ones((2, 4, 4, 3)), active_filters=2).shape
    TensorShape([2, 4, 4, 2])

    Reference: Ahn et al., 2019, supplement section 1 and figure 1.
    """

    def __init__(self, filters, kernel_size=3, strides=1, **kwargs):
        super().__init__(**kwargs)
        for name, value in [
            ("filters", filters),
            ("kernel_size", kernel_size),
            ("strides", strides),
        ]:
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"`{name}` must be an integer >= 1. Received: {name}={value}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.supports_jit = False

    def build(self, input_shape):
        self.in_channels = input_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, self.in_channels, self.filters),
            initializer="he_normal",
        )

    def call(self, inputs, active_filters=None):
        filters = self.filters if active_filters is None else active_filters
        if not 1 <= filters <= self.filters:
            raise ValueError(
                f"`active_filters` must be in [1, {self.filters}]. "
                f"Received: active_filters={active_filters}"
            )
        in_channels = inputs.shape[-1]
        if in_channels > self.in_channels:
            raise ValueError(
                f"`inputs` must have at most {self.in_channels} channels. "
                f"Received: inputs.shape={tuple(inputs.shape)}"
            )
        kernel = tf.convert_to_tensor(self.kernel)[:, :, :in_channels, :filters]
        return run_unless_empty(
            lambda images: tf.nn.conv2d(images, kernel, self.strides, "SAME"),
            inputs,
            (*self.output_size(inputs.shape[1:3]), filters),
        )

    def macs(self, input_size, in_channels=None, active_filters=None):
        """Returns the MACs for one image.

        Args:
            input_size: `(height, width)` of the input, pixels.
            in_channels: int, or `None` for the number the layer was built with.
            active_filters: int, or `None` for all.

        Returns:
            int.
        """
        return conv2d_macs(
            self.output_size(input_size),
            self.kernel_size,
            self.in_channels if in_channels is None else in_channels,
            self.filters if active_filters is None else active_filters,
        )

    def output_size(self, input_size):
        """Returns `(height, width)` of the output for that of the input, pixels."""
        return tuple(same_output_size(side, self.strides) for side in input_size)

    def get_config(self):
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
        }
