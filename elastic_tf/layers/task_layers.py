"""The layers that each task has for itself: its stem and its head."""

import keras
import tensorflow as tf

from elastic_tf.costs.cost_table import dense_macs, same_output_size
from elastic_tf.layers.elastic_conv import ElasticConv2D, run_unless_empty
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization
from elastic_tf.settings import Configured, check_integer


def check_images(images, task, image_shape):
    """Returns `images` as a tensor whose shape is known but for the batch.

    Args:
        images: tensor or array `(batch, *image_shape)`; of a tensor, rank and sides may be unknown.
        task: str, for the message.
        image_shape: `(height, width, channels)`, pixels.

    Raises:
        ValueError: if the shape is another.
        tf.errors.InvalidArgumentError: if what was unknown turns out to be another.
    """
    images = tf.convert_to_tensor(images)
    check_image_shape(images.shape, task, image_shape)
    if images.shape[1:].is_fully_defined():
        return images
    return tf.ensure_shape(images, (None, *image_shape))


def check_image_shape(shape, task, image_shape):
    """Raises the `ValueError` of `check_images` for a shape, of which some may be unknown."""
    shape = tf.TensorShape(shape)
    if not shape.is_compatible_with((None, *image_shape)):
        raise ValueError(
            f"Images of task '{task}' must have shape (batch, {', '.join(map(str, image_shape))}). "
            f"Received: images.shape={shape}"
        )


@keras.saving.register_keras_serializable("elastic_tf")
class TaskStem(Configured, keras.layers.Layer):
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
        super().__init__(**({"autocast": False} | kwargs))  # Of pixels.
        self.task = task
        self.filters = filters
        self.image_shape = tuple(image_shape)
        self.trunk_size = check_integer("trunk_size", trunk_size, 1)
        self.kernel_size = kernel_size
        self.momentum = momentum
        self.strides = max(1, round(max(self.image_shape[:2]) / trunk_size))

    def build(self, input_shape=None):
        # Pixels are exact in float32 alone.
        self.rescale = keras.layers.Rescaling(
            1 / 127.5, offset=-1.0, dtype="float32", name="rescale"
        )
        dtype = self.dtype_policy
        self.conv = ElasticConv2D(
            self.filters, self.kernel_size, self.strides, dtype=dtype, name="conv"
        )
        self.norm = TaskBatchNormalization(
            [self.task], momentum=self.momentum, activation="relu", dtype=dtype, name="norm"
        )
        self.rescale.build((None, *self.image_shape))
        self.conv.build((None, *self.image_shape))
        self.norm.build((None, *self.output_size, self.filters))

    def call(self, inputs, training=False):
        inputs = check_images(inputs, self.task, self.image_shape)
        return run_unless_empty(
            lambda images: self.run(images, training),
            inputs,
            (*self.output_size, self.filters),
            self.compute_dtype,
        )

    def run(self, images, training):
        """As a call, for images that are not empty, and are not checked."""
        images = tf.cast(self.rescale(images), self.compute_dtype)
        (kernel,) = self.conv.kernels([(None, None)])
        return self.norm.run(self.conv.convolve(images, kernel), self.task, training=training)

    @property
    def output_size(self):
        """`(height, width)` of the features, pixels."""
        return tuple(same_output_size(side, self.strides) for side in self.image_shape[:2])

    def macs(self):
        """Returns the MACs for one image, an int."""
        return self.conv.macs(self.image_shape[:2])


def make_stems(tasks, filters, trunk_size, momentum, dtype=None):
    """Returns an unbuilt `TaskStem` for each task, a dict by name.

    Args:
        tasks: dict, as `validate_tasks` returns it.
        filters: int. Channels that the stems deliver.
        trunk_size: int, pixels. See `TaskStem`.
        momentum: float in [0, 1), of the running averages.
        dtype: Keras policy of the layers; `None` for the global one.
    """
    return {
        name: TaskStem(
            name,
            filters,
            task["image_shape"],
            trunk_size=trunk_size,
            momentum=momentum,
            dtype=dtype,
            name=f"{name}_stem",
        )
        for name, task in tasks.items()
    }


def pool_globally(features):
    """Returns the mean over height and width, float32 `(batch, channels)`."""
    return tf.reduce_mean(tf.cast(features, tf.float32), axis=[1, 2])


@keras.saving.register_keras_serializable("elastic_tf")
class TaskHead(Configured, keras.layers.Layer):
    """BN, ReLU, global average pooling, linear layer.

    Args:
        task: str. The task's name.
        num_classes: int.
        momentum: float in [0, 1), of the running averages. Defaults to 0.9.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.
        training: bool. Defaults to `False`.

    Output shape: `(batch, num_classes)`: logits, float32.

    Reference: Ahn et al., 2019; the method's section 3.
    """

    def __init__(self, task, num_classes, momentum=0.9, **kwargs):
        super().__init__(**kwargs)
        self.task = task
        self.num_classes = num_classes
        self.momentum = momentum

    def build(self, input_shape):
        self.in_channels = input_shape[-1]
        self.norm = TaskBatchNormalization(
            [self.task],
            momentum=self.momentum,
            activation="relu",
            dtype=self.dtype_policy,
            name="norm",
        )
        # In float32 whatever the policy, as losses are.
        self.linear = keras.layers.Dense(self.num_classes, dtype="float32", name="linear")
        self.norm.build(input_shape)
        self.linear.build((None, self.in_channels))

    def call(self, inputs, training=False):
        return run_unless_empty(
            lambda features: self.run(features, training), inputs, (self.num_classes,), tf.float32
        )

    def run(self, features, training):
        """As a call, for features that are not empty."""
        features = self.norm.run(features, self.task, training=training)
        return self.linear(pool_globally(features))

    def macs(self):
        """Returns the MACs for one image, an int."""
        return dense_macs(self.in_channels, self.num_classes)
