"""The layers that each task has for itself: its stem and its head."""

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.costs.cost_table import dense_macs, same_output_size
from elastic_tf.layers.elastic_conv import run_unless_empty
from elastic_tf.layers.steps import (
    Conv,
    Norm,
    Pool,
    make_layers,
    named_steps,
    run_steps,
    size_and_macs,
)
from elastic_tf.settings import Configured, check_integer


@dataclasses.dataclass(frozen=True)
class StemKind:
    """What a kind of stem does with an image.

    Attributes:
        steps: tuple of `Norm` and `Conv`; the last `Conv` gives the trunk's channels.
        strides: int, pixels; `None` for image size / `trunk_size`, at least 1.
        scale, offset: floats, pixels in 0..255 times the one plus the other are what comes first.
    """

    steps: tuple
    strides: int | None = None
    scale: float = 1 / 127.5
    offset: float = -1.0


# The first convolution of a mobile network, and its first block, which has no hidden channels of
# its own to switch off.
_MOBILE_STEM = (
    Conv(3, strided=True, filters=32),
    Norm("relu6"),
    Conv(3, depthwise=True),
    Norm("relu6"),
    Conv(1),
    Norm(None),
)
# Ahn et al., 2019: plain. He et al., 2016 (arXiv 1603.05027): resnetv2. Sandler et al., 2018 (arXiv
# 1801.04381): mobilenetv2. Its successor for small devices, after Tan and Le, 2019 (arXiv
# 1905.11946): lite0.
STEM_KINDS = {
    "plain": StemKind((Conv(7, strided=True), Norm())),
    "mobilenetv2": StemKind(_MOBILE_STEM, strides=2),
    "resnetv2": StemKind((Conv(7, strided=True, bias=True, symmetric=True), Pool()), strides=2),
    "lite0": StemKind(_MOBILE_STEM, strides=2, scale=1 / 128, offset=-127 / 128),
}
HEAD_KINDS = {"plain": (Norm(),), "mobile": (Conv(1, filters=1280), Norm("relu6"))}


def _check_kind(kind, kinds):
    if kind not in kinds:
        raise ValueError(f"`kind` must be one of {tuple(kinds)}. Received: kind={kind}")


def resize_images(images, size):
    """Returns images of another size, bilinearly and without smoothing, as every runtime has it.

    Args:
        images: tensor `(batch, height, width, channels)` of any numeric type, not empty.
        size: `(height, width)` to bring them to, pixels.

    Returns:
        float32 tensor `(batch, *size, channels)`; other runtimes want that type.
    """
    return tf.image.resize(tf.cast(images, tf.float32), size)


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
    """Rescaling of the pixels, and the first convolutions: of kind `"plain"` 7x7, BN, ReLU.

    The stride of a plain stem brings images of any size near the trunk's: image size /
    `trunk_size`, at least 1 (1, 2, 3 for 32, 64, 96 pixels).

    Args:
        task: str. The task's name.
        filters: int. Output channels.
        image_shape: `(height, width, channels)`, pixels.
        trunk_size: int, pixels. Feature size that a plain stem's stride aims at. Defaults to 32.
        input_size: int, pixels. Images are resized to this height and width before anything else,
            bilinearly. Defaults to `None`: they are not.
        kind: str, a key of `STEM_KINDS`. Defaults to `"plain"`.
        momentum: float in [0, 1), of the running averages. Defaults to 0.9.

    Call arguments:
        inputs: tensor `(batch, *image_shape)` of any numeric type, pixels in 0..255.
        training: bool. Defaults to `False`.

    Output shape: `(batch, ceil(height / stride), ceil(width / stride), filters)`.

    Raises:
        ValueError: if the shape of `inputs` does not match `image_shape`, or `kind` is unknown.

    Reference: Ahn et al., 2019; the method's section 3.
    """

    def __init__(
        self,
        task,
        filters,
        image_shape,
        trunk_size=32,
        input_size=None,
        kind="plain",
        momentum=0.9,
        **kwargs,
    ):
        super().__init__(**({"autocast": False} | kwargs))  # Of pixels.
        _check_kind(kind, STEM_KINDS)
        self.task = task
        self.filters = check_integer("filters", filters, 1)
        self.image_shape = tuple(image_shape)
        self.trunk_size = check_integer("trunk_size", trunk_size, 1)
        self.input_size = None if input_size is None else check_integer("input_size", input_size, 1)
        self.kind = kind
        self.momentum = momentum
        self.description = STEM_KINDS[kind]
        height, width, _ = self.image_shape
        self.resized = (height, width) if input_size is None else (self.input_size,) * 2
        self.strides = self.description.strides or max(1, round(max(self.resized) / trunk_size))

    def build(self, input_shape=None):
        # Pixels are exact in float32 alone.
        self.rescale = keras.layers.Rescaling(
            self.description.scale, offset=self.description.offset, dtype="float32", name="rescale"
        )
        self.rescale.build((None, *self.image_shape))
        layers = make_layers(
            self.named_steps(),
            self.image_shape[-1],
            lambda step: step.filters or self.filters,
            [self.task],
            self.strides,
            self.momentum,
            self.dtype_policy,
        )
        for name, layer in layers.items():
            setattr(self, name, layer)

    def named_steps(self):
        """Returns pairs of a step and the name of its layer: conv, norm, conv2 and so on."""
        return named_steps(self.description.steps, first="")

    def layers(self):
        """Returns pairs of a step and its layer, in order."""
        return [(step, name and getattr(self, name)) for step, name in self.named_steps()]

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
        images = tf.cast(self.rescale(self.resize(images)), self.compute_dtype)
        return run_steps(self.layers(), images, self.task, training)

    def resize(self, images):
        """Returns images, not empty, at the size that the first convolution sees."""
        if self.resized == self.image_shape[:2]:
            return images
        return resize_images(images, self.resized)

    @property
    def output_size(self):
        """`(height, width)` of the features, pixels."""
        pools = [step.strides for step in self.description.steps if isinstance(step, Pool)]
        strides = math.prod((self.strides, *pools))
        return tuple(same_output_size(side, strides) for side in self.resized)

    def macs(self):
        """Returns the MACs for one image, an int."""
        return size_and_macs(self.layers(), self.resized)[1]


def make_stems(tasks, filters, trunk_size, momentum, dtype=None, input_size=None, kind="plain"):
    """Returns an unbuilt `TaskStem` for each task, a dict by name.

    Args:
        tasks: dict, as `validate_tasks` returns it.
        filters: int. Channels that the stems deliver.
        trunk_size: int, pixels. See `TaskStem`.
        momentum: float in [0, 1), of the running averages.
        dtype: Keras policy of the layers; `None` for the global one.
        input_size, kind: see `TaskStem`.
    """
    return {
        name: TaskStem(
            name,
            filters,
            task["image_shape"],
            trunk_size=trunk_size,
            input_size=input_size,
            kind=kind,
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
    """Last steps, global average pooling, linear layer; of kind `"plain"` the steps are BN, ReLU.

    Args:
        task: str. The task's name.
        num_classes: int.
        kind: str, a key of `HEAD_KINDS`. Defaults to `"plain"`.
        momentum: float in [0, 1), of the running averages. Defaults to 0.9.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.
        training: bool. Defaults to `False`.

    Output shape: `(batch, num_classes)`: logits, float32.

    Raises:
        ValueError: if `kind` is unknown.

    Reference: Ahn et al., 2019; the method's section 3.
    """

    def __init__(self, task, num_classes, kind="plain", momentum=0.9, **kwargs):
        super().__init__(**kwargs)
        _check_kind(kind, HEAD_KINDS)
        self.task = task
        self.num_classes = num_classes
        self.kind = kind
        self.momentum = momentum

    def build(self, input_shape):
        layers = make_layers(
            self.named_steps(),
            input_shape[-1],
            lambda step: step.filters,
            [self.task],
            momentum=self.momentum,
            dtype=self.dtype_policy,
        )
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.in_channels = self.norm.channels
        # In float32 whatever the policy, as losses are.
        self.linear = keras.layers.Dense(self.num_classes, dtype="float32", name="linear")
        self.linear.build((None, self.in_channels))

    def named_steps(self):
        """Returns pairs of a step and the name of its layer: conv, norm and so on."""
        return named_steps(HEAD_KINDS[self.kind], first="")

    def layers(self):
        """Returns pairs of a step and its layer, in order."""
        return [(step, getattr(self, name)) for step, name in self.named_steps()]

    def call(self, inputs, training=False):
        return run_unless_empty(
            lambda features: self.run(features, training), inputs, (self.num_classes,), tf.float32
        )

    def run(self, features, training):
        """As a call, for features that are not empty."""
        features = run_steps(self.layers(), features, self.task, training)
        return self.linear(pool_globally(features))

    def forget_classes(self):
        """Makes the linear layer zeros, as random numbers would shake a trained trunk.

        Reference: Kolesnikov et al., 2020 (arXiv 1912.11370).
        """
        self.linear.set_weights([np.zeros(weight.shape) for weight in self.linear.weights])

    def macs(self, input_size):
        """Returns the MACs for one image, an int.

        Args:
            input_size: `(height, width)` of its features, pixels.
        """
        macs = size_and_macs(self.layers(), input_size)[1]
        return macs + dense_macs(self.in_channels, self.num_classes)
