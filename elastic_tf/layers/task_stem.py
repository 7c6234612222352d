"""The first layers of one task: from its pixels to the shared trunk's channels."""

import keras

from elastic_tf.costs.macs import same_output_size
from elastic_tf.layers.elastic_conv import ElasticConv2D
from elastic_tf.layers.image_check import check_images
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization


@keras.saving.register_keras_serializable("elastic_tf")
class TaskStem(keras.layers.Layer):
    """Rescaling of the pixels, 7x7 convolution, BN, ReLU.

    The stride brings images of any size near the trunk's: image size / `trunk_size`, at least 1
    (1, 2, 3 for 32, 64, 96 pixels).

    Args:
        task: str. The task's name.
        filters: int. Output channels.
        image_shape: `(height, width, channels)`, pixels.
        trunk_size: int, pixels. Feature size that the stride aims at. Defaults to 32.
        kernel_size: int, pixels. Defaults to 7.
        momentum: float in [0, 1), of the running averages. Defaults to 0.9.

    Call arguments:
        inputs: tensor `(batch, *image_shape)` of any numeric type, pixels in 0..255.
        training: bool. Defaults to `False`.

    Output shape: `(batch, ceil(height / stride), ceil(width / stride), filters)`.

    Raises:
        ValueError: if the shape of `inputs` does not match `image_shape`.

    Reference: Ahn et al., 2019; the method's section 3.
    """

    def __init__(
        self, task, filters, image_shape, trunk_size=32, kernel_size=7, momentum=0.9, **kwargs
    ):
        super().__init__(**kwargs)
        self.task = task
        self.filters = filters
        self.image_shape = tuple(image_shape)
        self.trunk_size = trunk_size
        self.kernel_size = kernel_size
        self.momentum = momentum
        self.supports_jit = False
        self.strides = max(1, round(max(self.image_shape[:2]) / trunk_size))

    def build(self, input_shape=None):
        self.rescale = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")
        self.conv = ElasticConv2D(self.filters, self.kernel_size, self.strides, name="conv")
        self.norm = TaskBatchNormalization(
            [self.task], momentum=self.momentum, activation="relu", name="norm"
        )
        self.rescale.build((None, *self.image_shape))
        self.conv.build((None, *self.image_shape))
        self.norm.build((None, *self.output_size, self.filters))

    def call(self, inputs, training=False):
        inputs = check_images(inputs, self.task, self.image_shape)
        features = self.conv(self.rescale(inputs))
        return self.norm(features, task=self.task, training=training)

    @property
    def output_size(self):
        """`(height, width)` of the features, pixels."""
        return tuple(same_output_size(side, self.strides) for side in self.image_shape[:2])

    def macs(self):
        """Returns the MACs for one image, an int."""
        return self.conv.macs(self.image_shape[:2])

    def get_config(self):
        return super().get_config() | {
            "task": self.task,
            "filters": self.filters,
            "image_shape": self.image_shape,
            "trunk_size": self.trunk_size,
            "kernel_size": self.kernel_size,
            "momentum": self.momentum,
        }
