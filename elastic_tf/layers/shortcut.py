"""The shortcuts of blocks that may change width and size."""

import keras
import tensorflow as tf

from elastic_tf.costs.cost_table import same_output_size
from elastic_tf.layers.elastic_conv import ElasticConv2D, run_unless_empty
from elastic_tf.settings import Configured


@keras.saving.register_keras_serializable("elastic_tf")
class PoolPadShortcut(Configured, keras.layers.Layer):
    """Identity where it can be: average pooling for strides, zero channels for width.

    Args:
        filters: int. Output channels, at least those of the input; the zero channels are padded
            half on each side.
        strides: int, pixels. Side of the pooling window and its stride. Defaults to 1.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.

    Output shape: `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Raises:
        ValueError: if `filters` is less than the number of input channels.

    Reference: Ahn et al., 2019, and He et al., 2016 (arXiv 1512.03385), shortcut option A.
    """

    def __init__(self, filters, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.strides = strides

    def build(self, input_shape):
        if input_shape[-1] > self.filters:
            raise ValueError(
                f"`filters` must be at least the {input_shape[-1]} input channels. "
                f"Received: filters={self.filters}"
            )

    def call(self, inputs):
        size = tuple(same_output_size(side, self.strides) for side in inputs.shape[1:3])
        return run_unless_empty(self.run, inputs, (*size, self.filters))

    def run(self, inputs):
        """Returns the outputs for inputs that are not empty, without a condition in the graph."""
        if self.strides > 1:
            inputs = tf.nn.avg_pool2d(inputs, self.strides, self.strides, "SAME")
        missing = self.filters - inputs.shape[-1]
        if not missing:
            return inputs
        left = missing // 2
        return tf.pad(inputs, [[0, 0], [0, 0], [0, 0], [left, missing - left]])


@keras.saving.register_keras_serializable("elastic_tf")
class SubsampleShortcut(Configured, keras.layers.Layer):
    """Identity, of every so many pixels where there are strides.

    Args:
        strides: int, pixels. Defaults to 1.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.

    Output shape: `(batch, ceil(height / strides), ceil(width / strides), channels)`.

    Reference: He et al., 2016 (arXiv 1603.05027), as `keras.applications.ResNet50V2` has it.
    """

    def __init__(self, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.strides = strides

    def call(self, inputs):
        return self.run(inputs)

    def run(self, inputs):
        """As a call."""
        return inputs if self.strides == 1 else inputs[:, :: self.strides, :: self.strides]


def make_shortcut(kind, filters, strides, dtype):
    """Returns the unbuilt layer of a `BlockKind`'s shortcut.

    Args:
        kind: str, one of `SHORTCUTS`.
        filters: int. Output channels.
        strides: int, pixels.
        dtype: Keras policy of the layer.
    """
    if kind == "projection":
        return ElasticConv2D(filters, 1, strides, use_bias=True, dtype=dtype, name="shortcut")
    if kind == "subsample":
        return SubsampleShortcut(strides, name="shortcut")
    return PoolPadShortcut(filters, strides, name="shortcut")
