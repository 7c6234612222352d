"""Tests of the elastic convolution."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.elastic_conv import ElasticConv2D, nested_kernels, run_unless_empty
from tests import testing
from tests.testing import normal


class RunUnlessEmptyTest(testing.TestCase):
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


class NestedKernelsTest(testing.TestCase):
    def test_every_kernel_is_a_prefix_and_gradients_add_up(self):
        whole = tf.constant(normal(3, 3, 4, 6))
        with tf.GradientTape() as tape:
            tape.watch(whole)
            kernels = nested_kernels(whole, WIDTHS)
            total = sum(10**i * tf.reduce_sum(kernel) for i, kernel in enumerate(kernels))
        for (ins, outs), kernel in zip(WIDTHS, kernels, strict=True):
            self.assertAllEqual(kernel, whole[:, :, :ins, :outs])
        expected = np.full((3, 3, 4, 6), 100.0)
        expected[:, :, :2, :3] += 10
        expected[:, :, :2, :1] += 1
        self.assertAllClose(tape.gradient(total, whole), expected)

    def test_the_whole_need_not_be_among_them(self):
        kernel = normal(3, 3, 4, 6)
        self.assertAllEqual(nested_kernels(tf.constant(kernel), [(4, 2)])[0], kernel[..., :2])


class ElasticConv2DTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.init_kwargs = {"filters": 6, "kernel_size": 3, "strides": 2}
        self.conv = ElasticConv2D(**self.init_kwargs)
        self.conv.build((None, 5, 5, 4))
        self.inputs = tf.constant(normal(2, 5, 5, 4))

    def test_full_width_is_keras_conv2d(self):
        reference = keras.layers.Conv2D(6, 3, 2, "same", use_bias=False)
        reference.build((None, 5, 5, 4))
        reference.set_weights(self.conv.get_weights())
        self.assertAllClose(self.conv(self.inputs), reference(self.inputs), atol=1e-6)

    def test_narrow_output_is_a_prefix_of_the_wide_one(self):
        narrow = self.conv(self.inputs, active_filters=2)
        self.assertAllClose(narrow, self.conv(self.inputs)[..., :2], atol=1e-6)

    def test_narrow_input_uses_the_first_input_channels(self):
        padded = tf.concat([self.inputs[..., :3], tf.zeros((2, 5, 5, 1))], -1)
        self.assertAllClose(self.conv(self.inputs[..., :3]), self.conv(padded), atol=1e-6)

    def test_any_batch_goes_through_one_graph(self):
        call = tf.function(self.conv, input_signature=[tf.TensorSpec((None, 5, 5, 4))])
        self.run_batch_independence_test(call, self.inputs)

    def test_only_the_used_part_of_the_kernel_gets_a_gradient(self):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(self.conv(self.inputs[..., :3], active_filters=2) ** 2)
        gradient = tape.gradient(loss, self.conv.kernel.value).numpy()
        self.assertGreater(np.abs(gradient[:, :, :3, :2]).min(), 0)
        self.assertFalse(gradient[:, :, 3:].any() or gradient[..., 2:].any())

    def test_macs_by_hand(self):
        self.assertEqual(self.conv.macs((5, 5), active_filters=2), 3 * 3 * 9 * 4 * 2)

    def test_config(self):
        self.run_config_test(ElasticConv2D, self.init_kwargs)

    @parameterized.parameters(("filters", 0), ("kernel_size", -1), ("strides", 1.5))
    def test_bad_arguments_are_named(self, name, value):
        self.run_refusal_test(ElasticConv2D, self.init_kwargs, name, value)

    @parameterized.parameters(0, 7)
    def test_active_filters_out_of_range_are_refused(self, filters):
        with self.assertRaisesRegex(ValueError, "`active_filters` must be in"):
            self.conv(self.inputs, active_filters=filters)

    def test_more_channels_than_built_for_are_refused(self):
        with self.assertRaisesRegex(ValueError, "`inputs` must have at most 4 channels"):
            self.conv(tf.zeros((1, 5, 5, 5)))
