import keras
import numpy as np
import tensorflow as tf

from elastic_tf.inference.folding import fold_norm, scale_and_offset
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization
from tests.testing import randomise


def make_norm(channels, task="b"):
    """Returns a norm of two tasks, and Keras's own with the averages of one of them."""
    norm = TaskBatchNormalization(["a", "b"])
    norm.build((None, 2, 2, channels))
    randomise(norm)
    keras_norm = keras.layers.BatchNormalization(epsilon=norm.epsilon)
    keras_norm.build((None, 2, 2, channels))
    means, variances = norm.moving_means[task], norm.moving_variances[task]
    keras_norm.set_weights([np.array(v) for v in (norm.gamma, norm.beta, means, variances)])
    return norm, keras_norm


class FoldingTest(tf.test.TestCase):
    def test_scale_and_offset_do_what_keras_does(self):
        norm, keras_norm = make_norm(5)
        inputs = np.random.default_rng(0).normal(size=(2, 3, 3, 5)).astype(np.float32)
        scale, offset = scale_and_offset(norm, "b")
        self.assertAllClose(inputs * scale + offset, keras_norm(inputs), rtol=1e-5, atol=1e-5)

    def test_folded_convolution_is_convolution_and_norm(self):
        norm, keras_norm = make_norm(5)
        rng = np.random.default_rng(0)
        inputs = rng.normal(size=(2, 4, 4, 3)).astype(np.float32)
        kernel = rng.normal(size=(3, 3, 3, 5)).astype(np.float32)
        folded, bias = fold_norm(kernel, norm, "b")
        actual = tf.nn.conv2d(inputs, folded, 1, "SAME") + bias
        expected = keras_norm(tf.nn.conv2d(inputs, kernel, 1, "SAME"))
        self.assertAllClose(actual, expected, rtol=1e-4, atol=1e-4)


if __name__ == "__main__":
    tf.test.main()
