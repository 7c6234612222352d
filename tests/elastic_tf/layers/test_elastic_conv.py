"""Tests of the elastic convolution."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.elastic_conv import ElasticConv2D, nested_kernels, run_unless_empty


class RunUnlessEmptyTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(batch=(0, 2), in_graph=(False, True))
    def test_the_operation_runs_unless_the_batch_is_empty(self, batch, in_graph):
        def call(inputs):
            return run_unless_empty(lambda x: tf.repeat(x, 2, axis=3) + 1, inputs, (3, 4, 2))

        if in_graph:
            call = tf.function(call, input_signature=[tf.TensorSpec((None, 3, 4, 1))])
        self.assertAllEqual(call(tf.zeros((batch, 3, 4, 1))), tf.ones((batch, 3, 4, 2)))

    def test_nothing_is_asked_where_the_batch_is_known(self):
        graph = tf.function(
            lambda inputs: run_unless_empty(tf.nn.relu, inputs, (3, 4, 1))
        ).get_concrete_function(tf.TensorSpec((2, 3, 4, 1)))
        self.assertNotIn("If", {operation.type for operation in graph.graph.get_operations()})


WIDTHS = [(2, 1), (2, 3), (4, 6)]


class NestedKernelsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 6)).astype(np.float32)

    def test_every_kernel_is_a_prefix_of_the_whole(self):
        kernels = nested_kernels(tf.constant(self.kernel), WIDTHS)
        for (ins, outs), kernel in zip(WIDTHS, kernels, strict=True):
            self.assertAllEqual(kernel, self.kernel[:, :, :ins, :outs])

    def test_the_whole_is_found_without_being_among_them(self):
        (kernel,) = nested_kernels(tf.constant(self.kernel), [(4, 2)])
        self.assertAllEqual(kernel, self.kernel[..., :2])

    def test_gradients_of_all_kernels_add_up(self):
        whole = tf.constant(self.kernel)
        with tf.GradientTape() as tape:
            tape.watch(whole)
            kernels = nested_kernels(whole, WIDTHS)
            total = sum(10**i * tf.reduce_sum(kernel) for i, kernel in enumerate(kernels))
        expected = np.full((3, 3, 4, 6), 100.0)
        expected[:, :, :2, :3] += 10
        expected[:, :, :2, :1] += 1
        self.assertAllClose(tape.gradient(total, whole), expected)


class ElasticConv2DTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.init_kwargs = {"filters": 6, "kernel_size": 3, "strides": 2}
        self.conv = ElasticConv2D(**self.init_kwargs)
        self.conv.build((None, 5, 5, 4))
        self.inputs = tf.random.stateless_normal((2, 5, 5, 4), (0, 0))

    def test_full_width_is_keras_conv2d(self):
        plain = keras.layers.Conv2D(6, 3, 2, "same", use_bias=False)
        plain.build((None, 5, 5, 4))
        plain.set_weights(self.conv.get_weights())
        self.assertAllClose(self.conv(self.inputs), plain(self.inputs), atol=1e-6)

    def test_narrow_output_is_a_prefix_of_the_wide_one(self):
        narrow = self.conv(self.inputs, active_filters=2)
        self.assertAllClose(narrow, self.conv(self.inputs)[..., :2], atol=1e-6)

    def test_narrow_input_uses_the_first_input_channels(self):
        padded = tf.concat([self.inputs[..., :3], tf.zeros((2, 5, 5, 1))], -1)
        self.assertAllClose(self.conv(self.inputs[..., :3]), self.conv(padded), atol=1e-6)

    @parameterized.parameters(False, True)
    def test_empty_batch_gives_an_empty_output(self, in_graph):
        call = tf.function(self.conv, input_signature=[tf.TensorSpec((None, 5, 5, 4))])
        outputs = (call if in_graph else self.conv)(tf.zeros((0, 5, 5, 4)))
        self.assertEqual(outputs.shape, (0, 3, 3, 6))

    def test_only_the_used_part_of_the_kernel_gets_a_gradient(self):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(self.conv(self.inputs[..., :3], active_filters=2) ** 2)
        gradient = tape.gradient(loss, self.conv.kernel.value).numpy()
        self.assertGreater(np.abs(gradient[:, :, :3, :2]).min(), 0)
        self.assertAllEqual(gradient[:, :, 3:], np.zeros_like(gradient[:, :, 3:]))
        self.assertAllEqual(gradient[..., 2:], np.zeros_like(gradient[..., 2:]))

    def test_macs_by_hand(self):
        self.assertEqual(self.conv.macs((5, 5), active_filters=2), 3 * 3 * 9 * 4 * 2)

    def test_config_round_trip(self):
        config = self.conv.get_config()
        self.assertEqual({key: config[key] for key in self.init_kwargs}, self.init_kwargs)
        self.assertEqual(ElasticConv2D.from_config(config).get_config(), config)

    @parameterized.parameters(("filters", 0), ("kernel_size", -1), ("strides", 1.5))
    def test_bad_arguments_are_named(self, name, value):
        with self.assertRaisesRegex(ValueError, f"`{name}` must be .* Received: {name}={value}"):
            ElasticConv2D(**(self.init_kwargs | {name: value}))

    @parameterized.parameters(0, 7)
    def test_active_filters_out_of_range_are_refused(self, filters):
        with self.assertRaisesRegex(ValueError, "`active_filters` must be in"):
            self.conv(self.inputs, active_filters=filters)


if __name__ == "__main__":
    tf.test.main()
