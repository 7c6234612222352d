import numpy as np
import tensorflow as tf

from elastic_tf.layers.nested_kernels import nested_kernels

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


if __name__ == "__main__":
    tf.test.main()
