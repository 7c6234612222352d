import numpy as np
import tensorflow as tf

from elastic_tf.policies.gumbel import straight_through


class StraightThroughTest(tf.test.TestCase):
    def test_gates_are_one_hot_draws_from_the_softmax(self):
        probabilities = np.array([0.1, 0.2, 0.7])
        logits = tf.constant(np.tile(np.log(probabilities), (3000, 2, 1)), tf.float32)
        gates = straight_through(logits, 0.3, tf.constant([1, 2])).numpy()
        self.assertAllClose(np.sort(gates, axis=-1), np.tile([0, 0, 1.0], (3000, 2, 1)), atol=1e-6)
        self.assertAllClose(gates.mean(axis=0), np.tile(probabilities, (2, 1)), atol=0.03)

    def test_the_same_seed_gives_the_same_gates(self):
        logits = tf.zeros((50, 2, 4))
        first, again, other = (
            straight_through(logits, 1.0, tf.constant([7, seed])) for seed in (0, 0, 1)
        )
        self.assertAllEqual(first, again)
        self.assertNotAllEqual(first, other)

    def test_the_gradient_is_finite_where_a_level_is_sure(self):
        logits = tf.constant([[[80.0, 0.0, -80.0]]])
        with tf.GradientTape() as tape:
            tape.watch(logits)
            total = tf.reduce_sum(straight_through(logits, 0.1, tf.constant([0, 0])) * [1.0, 2, 3])
        self.assertAllClose(total, 1.0)
        self.assertAllClose(tape.gradient(total, logits), [[[0.0, 0.0, 0.0]]], atol=1e-6)


if __name__ == "__main__":
    tf.test.main()
