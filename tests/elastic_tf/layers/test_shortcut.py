import keras
import numpy as np
import tensorflow as tf

from elastic_tf.layers.shortcut import PoolPadShortcut


class PoolPadShortcutTest(tf.test.TestCase):
    def test_identity_where_nothing_changes(self):
        inputs = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype(np.float32)
        self.assertAllEqual(PoolPadShortcut(4)(inputs), inputs)

    def test_strides_pool_and_width_pads_half_on_each_side(self):
        inputs = np.random.default_rng(0).normal(size=(2, 5, 4, 4)).astype(np.float32)
        outputs = PoolPadShortcut(7, strides=2)(inputs).numpy()
        pooled = keras.layers.AveragePooling2D(2, padding="same")(inputs)
        self.assertAllClose(outputs[..., 1:5], pooled)
        self.assertAllEqual(outputs[..., [0, 5, 6]], np.zeros((2, 3, 2, 3)))

    def test_an_empty_batch_stays_empty(self):
        call = tf.function(PoolPadShortcut(8, 2), input_signature=[tf.TensorSpec((None, 4, 4, 4))])
        self.assertEqual(call(tf.zeros((0, 4, 4, 4))).shape, (0, 2, 2, 8))

    def test_narrowing_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`filters` must be at least the 4 input channels"):
            PoolPadShortcut(2)(tf.zeros((1, 2, 2, 4)))


if __name__ == "__main__":
    tf.test.main()
