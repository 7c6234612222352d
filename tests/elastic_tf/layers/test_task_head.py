import numpy as np
import tensorflow as tf

from elastic_tf.layers.task_head import TaskHead
from tests.testing import randomise


class TaskHeadTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.head = TaskHead("a", 3)
        self.head.build((None, 2, 2, 5))
        randomise(self.head)

    def test_logits_by_numpy(self):
        inputs = np.random.default_rng(0).normal(size=(4, 2, 2, 5)).astype(np.float32)
        norm, linear = self.head.norm, self.head.linear
        mean, variance = norm.moving_means["a"].numpy(), norm.moving_variances["a"].numpy()
        normed = (inputs - mean) / np.sqrt(variance + 1e-3) * norm.gamma + norm.beta
        pooled = np.maximum(normed, 0).mean((1, 2))
        expected = pooled @ linear.kernel.numpy() + linear.bias.numpy()
        self.assertAllClose(self.head(inputs), expected, atol=1e-5)

    def test_macs_by_hand(self):
        self.assertEqual(self.head.macs(), 15)


if __name__ == "__main__":
    tf.test.main()
