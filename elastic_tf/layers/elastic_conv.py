"""A convolution that runs on a prefix of its channels."""

import math

import keras
import tensorflow as tf

from elastic_tf.costs.cost_table import conv2d_macs, same_output_size
from elastic_tf.settings import Configured, check_integer


def run_unless_empty(operation, inputs, output_shape, dtype=None, batch=None):
    """Runs an operation on images, or gives an empty output where there are none.

    TensorFlow 2.21's oneDNN convolution returns a wrong shape for an empty batch inside a graph,
    and its pooling stops the process with a division by zero.

    Args:
        operation: function from `inputs` to a tensor `(batch, *output_shape)`.
        inputs: tensor `(batch, height, width, channels)`; height and width are static.
        output_shape: tuple of ints.
        dtype: dtype of the output; `None` for that of `inputs`.
        batch: int, rows of the output as far as they are known; `None` for those of `inputs`.

    Returns:
        Tensor `(batch, *output_shape)`.
    """
    if inputs.shape[0]:  # Known not to be empty.
        return operation(inputs)
    outputs = tf.cond(
        tf.shape(inputs)[0] > 0,
        lambda: operation(inputs),
        lambda: tf.zeros((0, *output_shape), dtype or inputs.dtype),
    )
    return tf.ensure_shape(outputs, (batch or inputs.shape[0], *output_shape))


def nested_kernels(kernel, widths):
    """Returns a kernel for each width, each cut out of the next wider one.

    Cut like this, the gradient of a narrow kernel is added to that of the next wider one, so that
    the sums are as small as the kernels; cut out of the whole, each would be padded to full size.

    Args:
        kernel: tensor `(height, width, in_channels, filters)`.
        widths: list of pairs of ints, input channels and filters, in rising order, at most those
            of `kernel`.

    Returns:
        List of tensors, one for each pair.
    """
    kernels = []
    for in_channels, filters in reversed(widths):
        if (in_channels, filters) != tuple(kernel.shape[2:]):
            # Not by index: the gradient of `tf.slice` is a padding, several times as fast.
            kernel = tf.slice(kernel, [0, 0, 0, 0], [*kernel.shape[:2], in_channels, filters])
        kernels.append(kernel)
    return kernels[::-1]


@keras.saving.register_keras_serializable("elastic_tf")
class ElasticConv2D(Configured, keras.layers.Layer):
    """2D convolution, sliced to the width asked for.

    One kernel variable at full width. A call uses the first input channels of the kernel, as
    many as `inputs` has, and the first `active_filters` of its filters, so narrow models are
    nested in wide ones. An empty batch gives an empty output of the right shape.

    Args:
        filters: int. Output channels at full width.
        kernel_size: int. Side of the square kernel, pixels. Defaults to 3.
        strides: int, pixels. Defaults to 1.
        depthwise: bool. Every channel by itself: as many filters as the input has channels, at any
            width. Defaults to `False`.
        use_bias: bool. Defaults to `False`.
        symmetric: bool. Whether as many zeros are on all sides; otherwise padding is 'same', which
            has more at the end for even strides. Defaults to `False`.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`; all but the batch is static, and
            the channels are at most those the layer was built with.
        active_filters: int in `[1, filters]`, or `None` for all (depthwise: as many as `inputs`
            has channels).

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

    def __init__(
        self,
        filters,
        kernel_size=3,
        strides=1,
        depthwise=False,
        use_bias=False,
        symmetric=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = check_integer("filters", filters, 1)
        self.kernel_size = check_integer("kernel_size", kernel_size, 1)
        self.strides = check_integer("strides", strides, 1)
        self.depthwise = depthwise
        self.use_bias = use_bias
        self.symmetric = symmetric

    def build(self, input_shape):
        self.in_channels = input_shape[-1]
        if self.depthwise and self.filters != self.in_channels:
            raise ValueError(
                f"`filters` must be the {self.in_channels} channels of the input for "
                f"depthwise=True. Received: filters={self.filters}"
            )
        # He et al., 2015 (arXiv 1502.01852); `he_normal` would count all channels of a depthwise.
        fan_in = self.kernel_size**2
        depthwise = keras.initializers.RandomNormal(stddev=math.sqrt(2 / fan_in))
        self.kernel = self.add_weight(
            name="kernel",
            shape=(
                self.kernel_size,
                self.kernel_size,
                self.in_channels,
                1 if self.depthwise else self.filters,
            ),
            initializer=depthwise if self.depthwise else "he_normal",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, inputs, active_filters=None):
        in_channels = inputs.shape[-1]
        if in_channels > self.in_channels:
            raise ValueError(
                f"`inputs` must have at most {self.in_channels} channels. "
                f"Received: inputs.shape={tuple(inputs.shape)}"
            )
        all_filters = in_channels if self.depthwise else self.filters
        filters = all_filters if active_filters is None else active_filters
        if not 1 <= filters <= all_filters:
            raise ValueError(
                f"`active_filters` must be in [1, {all_filters}]. "
                f"Received: active_filters={active_filters}"
            )
        (kernel,) = self.kernels([(in_channels, filters)])
        return run_unless_empty(
            lambda images: self.convolve(images, kernel),
            inputs,
            (*self.output_size(inputs.shape[1:3]), filters),
        )

    def kernels(self, widths):
        """Returns the kernels of several widths, in the layer's compute type.

        Args:
            widths: list of pairs of ints in rising order, input channels and filters; `None` for
                all.

        Returns:
            List of tensors, see `nested_kernels`; of pairs of a kernel and a bias, if there is one.
        """
        shapes = [
            (ins or self.in_channels, 1 if self.depthwise else outs or self.filters)
            for ins, outs in widths
        ]
        kernels = nested_kernels(tf.cast(self.kernel.value, self.compute_dtype), shapes)
        if self.bias is None:
            return kernels
        bias = tf.cast(self.bias.value, self.compute_dtype)
        return [
            (kernel, bias[: ins if self.depthwise else outs])
            for kernel, (ins, outs) in zip(kernels, widths, strict=True)
        ]

    def convolve(self, images, kernel):
        """Returns the convolution of images, not empty, with one of the `kernels`."""
        kernel, bias = (kernel, None) if self.bias is None else kernel
        outputs = convolve(images, kernel, self.strides, self.depthwise, self.symmetric)
        return outputs if bias is None else tf.nn.bias_add(outputs, bias)

    def run(self, images):
        """Returns the convolution of images, not empty, at full width."""
        (kernel,) = self.kernels([(None, None)])
        return self.convolve(images, kernel)

    def macs(self, input_size, in_channels=None, active_filters=None):
        """Returns the MACs for one image.

        Args:
            input_size: `(height, width)` of the input, pixels.
            in_channels: int, or `None` for the number the layer was built with.
            active_filters: int, or `None` for all.

        Returns:
            int.
        """
        filters = self.filters if active_filters is None else active_filters
        if self.depthwise:
            in_channels = 1
        elif in_channels is None:
            in_channels = self.in_channels
        return conv2d_macs(self.output_size(input_size), self.kernel_size, in_channels, filters)

    def output_size(self, input_size):
        """Returns `(height, width)` of the output for that of the input, pixels."""
        return tuple(same_output_size(side, self.strides) for side in input_size)


def convolve(images, kernel, strides=1, depthwise=False, symmetric=False):
    """Returns a convolution, as large as `images` divided by the strides.

    Args:
        images: float tensor `(batch, height, width, channels)`, not empty.
        kernel: tensor `(side, side, channels, filters)` of the same type; `filters` is 1 where
            `depthwise`.
        strides: int, pixels.
        depthwise: bool.
        symmetric: bool, see `ElasticConv2D`.
    """
    padding = "SAME"
    if symmetric:
        sides = [kernel.shape[0] // 2] * 2
        padding = [[0, 0], sides, sides, [0, 0]]
    if depthwise:
        return tf.nn.depthwise_conv2d(images, kernel, [1, strides, strides, 1], padding)
    return tf.nn.conv2d(images, kernel, strides, padding)
