"""The last layers of one task: from the shared trunk's features to class scores."""

import keras
import tensorflow as tf

from elastic_tf.costs.macs import dense_macs
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization


@keras.saving.register_keras_serializable("elastic_tf")
class TaskHead(keras.layers.Layer):
    """BN, ReLU, global average pooling, linear layer.

    Args:
        task: str. The task's name.
        num_classes: int.
        momentum: float in [0, 1), of the running averages. Defaults to 0.9.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.
        training: bool. Defaults to `False`.

    Output shape: `(batch, num_classes)`: logits.

    Reference: Ahn et al., 2019; the method's section 3.
    """

    def __init__(self, task, num_classes, momentum=0.9, **kwargs):
        super().__init__(**kwargs)
        self.task = task
        self.num_classes = num_classes
        self.momentum = momentum
        self.supports_jit = False

    def build(self, input_shape):
        self.in_channels = input_shape[-1]
        self.norm = TaskBatchNormalization(
            [self.task], momentum=self.momentum, activation="relu", name="norm"
        )
        self.linear = keras.layers.Dense(self.num_classes, name="linear")
        self.norm.build(input_shape)
        self.linear.build((None, self.in_channels))

    def call(self, inputs, training=False):
        features = self.norm(inputs, task=self.task, training=training)
        return self.linear(tf.reduce_mean(features, axis=[1, 2]))

    def macs(self):
        """Returns the MACs for one image, an int."""
        return dense_macs(self.in_channels, self.num_classes)

    def get_config(self):
        return super().get_config() | {
            "task": self.task,
            "num_classes": self.num_classes,
            "momentum": self.momentum,
        }
