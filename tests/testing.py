"""What tests share: tiny tasks and data, checks that every layer passes, and references to compare.

A test class derives from `TestCase` as `testing.TestCase`; imported by its bare name, pytest would
run it as a test of its own.
"""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

TASKS = {
    "grey": {"image_shape": (8, 8, 1), "num_classes": 3},
    "colour": {"image_shape": (11, 9, 3), "num_classes": 4},
}
# One of each kind of block, and both numbers of stages.
BACKBONES = ("wrn-8-1", "resnet-10-4", "bottleneck-14-2", "mobile-11-4", "vgg-8-4")
_RATIOS = (0.2, 0.25, 0.5, 1.0)  # Where no level skips the block.
# Arguments of `ElasticBlock`, for inputs of 8 channels: all kinds there are.
BLOCKS = {
    "basic": {"kind": "basic", "filters": 8},
    "basic_strided": {"kind": "basic", "filters": 12, "strides": 2},
    "basic_two_levels": {"kind": "basic", "filters": 8, "ratios": (0.0, 1.0)},
    "bottleneck": {"kind": "bottleneck", "filters": 16},
    "bottleneck_strided": {"kind": "bottleneck", "filters": 16, "strides": 2},
    "bottleneck_v2": {"kind": "bottleneck_v2", "filters": 8, "hidden_filters": 4},
    "bottleneck_v2_strided": {"kind": "bottleneck_v2", "filters": 8, "strides": 2},
    "bottleneck_v2_projected": {"kind": "bottleneck_v2_projected", "filters": 16},
    "inverted_residual": {"kind": "inverted_residual", "filters": 8, "hidden_filters": 10},
    "inverted_residual_strided": {
        "kind": "inverted_residual",
        "filters": 4,
        "strides": 2,
        "ratios": _RATIOS,
    },
    "inverted_residual_5x5": {"kind": "inverted_residual_5x5", "filters": 8, "hidden_filters": 9},
    "vgg": {"kind": "vgg", "filters": 8, "ratios": _RATIOS},
    "vgg_strided": {"kind": "vgg", "filters": 12, "strides": 2, "ratios": (0.2, 0.5, 1.0)},
}


class TestCase(tf.test.TestCase, parameterized.TestCase):
    """Checks by which layers, models and settings are held to the habits of Keras."""

    def run_config_test(self, cls, init_kwargs):
        """The config holds the init arguments, and Keras makes the same object of it again."""
        made = cls(**init_kwargs)
        config = made.get_config()
        self.assertEqual({name: config[name] for name in init_kwargs}, init_kwargs)
        self.assertEqual(cls.from_config(config).get_config(), config)
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
        self.assertEqual(again.get_config(), config)

    def run_refusal_test(self, cls, init_kwargs, name, value):
        """A bad argument is named, with its value."""
        with self.assertRaisesRegex(ValueError, f"`{name}`.* must .*Received: .*{name}="):
            cls(**(init_kwargs | {name: value}))

    def run_batch_independence_test(self, call, *batch):
        """A row alone is the row in any batch, as `call(*batch)` gives it; an empty batch works."""
        together = np.asarray(call(*batch))
        for row in range(len(together)):
            alone = call(*(part[row : row + 1] for part in batch))
            self.assertAllClose(alone, together[row : row + 1], rtol=1e-4, atol=1e-5)
        self.assertEqual(call(*(part[:0] for part in batch)).shape, (0, *together.shape[1:]))

    def run_agreement_test(self, block, reference, inputs, levels, training, step=None):
        """Two blocks have the same outputs, gradients, and weights afterwards.

        `step` is the `block_step` of the first, where it is to run in another way.
        """
        reference.set_weights(block.get_weights())
        actual = (step or block_step(block, training))(inputs, levels)
        expected = block_step(reference, training)(inputs, levels)
        self.assertAllClose(actual[0], expected[0], rtol=1e-5, atol=1e-5)
        for ours, theirs in zip(actual[1], expected[1], strict=True):
            self.assertAllClose(ours, theirs, rtol=1e-4, atol=1e-4)
        for ours, theirs in zip(block.weights, reference.weights, strict=True):
            self.assertAllClose(ours, theirs, rtol=1e-5, atol=1e-5)

    def assert_near(self, actual, expected, share=1e-5):
        """The largest difference is at most a share of the largest value."""
        actual, expected = np.asarray(actual), np.asarray(expected)
        self.assertEqual(actual.shape, expected.shape)
        self.assertLessEqual(np.abs(actual - expected).max(), share * np.abs(expected).max())

    @contextlib.contextmanager
    def assert_unchanged(self, variables):
        """No variable has another value afterwards."""
        before = [np.array(variable) for variable in variables]
        yield
        for value, variable in zip(before, variables, strict=True):
            self.assertAllEqual(value, variable)


@functools.cache
def two_devices():
    """Returns a `MirroredStrategy` over two devices; a second one in a process would not run."""
    names = [device.name for device in tf.config.list_logical_devices("CPU")]
    return tf.distribute.MirroredStrategy(names[:2])


def normal(*shape, seed=0):
    """Returns a float32 array of normal values."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def random_images(task="grey", batch=6, seed=0):
    """Returns uint8 images of a task in `TASKS`."""
    shape = (batch, *TASKS[task]["image_shape"])
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def random_batch(tasks=tuple(TASKS), batch=6, seed=0):
    """Returns `{task: (images, labels)}`."""
    generator = np.random.default_rng(seed)
    return {
        task: (
            tf.constant(random_images(task, batch, seed)),
            tf.constant(generator.integers(0, TASKS[task]["num_classes"], batch), tf.int32),
        )
        for task in tasks
    }


def random_levels(network, batch, seed=0):
    """Returns int32 levels `(batch, blocks)` for a network or estimator."""
    shape = (batch, network.num_blocks)
    return np.random.default_rng(seed).integers(0, network.num_levels, shape).astype(np.int32)


def randomise(layer, seed=0):
    """Gives every weight of a layer a random value; variances and scales stay positive."""
    generator = np.random.default_rng(seed)
    for weight in layer.weights:
        value = generator.normal(0, 0.3, weight.shape)
        positive = "variance" in weight.path or "gamma" in weight.path
        if np.issubdtype(np.dtype(weight.dtype), np.floating):
            weight.assign(1 + np.abs(value) if positive else value)
    return layer


def block_step(block, training):
    """Returns a function that gives outputs and gradients of all variables and of the inputs."""

    def step(inputs, levels):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = block(inputs, levels=levels, task="a", training=training)
            loss = tf.reduce_sum(outputs * tf.random.stateless_normal(tf.shape(outputs), (0, 1)))
        sources = [inputs] + [v.value for v in block.trainable_variables]
        gradients = tape.gradient(loss, sources, unconnected_gradients="zero")
        return outputs, [tf.convert_to_tensor(gradient) for gradient in gradients]

    return step


def keras_norm(norm, task, level=None):
    """Returns Keras' own batch normalisation, with the averages of a task (and level) of ours."""
    layer = keras.layers.BatchNormalization(momentum=norm.momentum, epsilon=norm.epsilon)
    layer.build((None, 1, 1, norm.channels))
    averages = norm.averages(task, level)
    layer.set_weights([np.array(value) for value in (norm.gamma, norm.beta, *averages)])
    return layer


def profiler_macs(model):
    """Returns the MACs that TensorFlow's own profiler counts in convolutions and products."""
    function = tf.function(lambda images: model(images, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec((1, *model.input_shape[1:])))
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    node = tf.compat.v1.profiler.profile(concrete.graph, cmd="op", options=options)
    flops = 0
    while node.children:  # The profiler's list of kinds of operation, each the child of the last.
        node = node.children[0]
        flops += node.float_ops if node.name in ("Conv2D", "MatMul") else 0
    return flops // 2
