"""Tests of sorting by level."""

import numpy as np
import tensorflow as tf

from elastic_tf.layers import routing
from tests import testing


class RoutingTest(testing.TestCase):
    def test_permute_and_its_gradient_are_a_product_with_a_permutation_matrix(self):
        rows = tf.random.stateless_normal((4, 2), (0, 1))
        order, weights = tf.constant([2, 0, 3, 1]), tf.random.stateless_normal((4, 2), (2, 3))
        with tf.GradientTape() as tape:
            tape.watch(rows)
            permuted = routing.permute(rows, order)
            loss = tf.reduce_sum(permuted * weights)
        matrix = np.eye(4)[order.numpy()]
        self.assertAllClose(permuted, matrix @ rows.numpy())
        self.assertAllClose(tape.gradient(loss, rows), matrix.T @ weights.numpy())

    def test_gates_add_up_over_the_levels_that_use_a_channel(self):
        gates = routing.channel_gates(tf.constant([[0.5, 0.3, 0.2]]), (0, 1, 3))
        self.assertAllClose(gates, [[0.5, 0.2, 0.2]])
