import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.costs import macs


class MacsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((7, 1, 7), (7, 2, 4), (8, 2, 4), (96, 3, 32), (1, 2, 1))
    def test_same_output_size_is_tensorflows(self, size, strides, expected):
        outputs = tf.nn.conv2d(
            tf.zeros((1, size, size, 1)), tf.zeros((3, 3, 1, 1)), strides, "SAME"
        )
        self.assertEqual(outputs.shape[1], expected)
        self.assertEqual(macs.same_output_size(size, strides), expected)

    def test_conv2d_by_hand(self):
        self.assertEqual(macs.conv2d_macs((4, 5), 3, 2, 7), 4 * 5 * 9 * 2 * 7)

    def test_dense_by_hand(self):
        self.assertEqual(macs.dense_macs(64, 10), 640)


if __name__ == "__main__":
    tf.test.main()
