import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.elastic_conv import ElasticConv2D


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
