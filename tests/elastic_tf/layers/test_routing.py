"""Tests of sorting by level."""

import numpy as np
import tensorflow as tf

from elastic_tf.layers import routing
from tests import testing


class RoutingTest(testing.TestCase):
    def test_sorting_is_stable_and_can_be_undone(self):
        levels = tf.constant([2, 0, 1, 0, 2])
        order = routing.sort_by_level(levels)
        self.assertAllEqual(order, [1, 3, 2, 0, 4])
        sorted_levels = tf.gather(levels, order)
        self.assertAllEqual(tf.gather(sorted_levels, routing.inverse_permutation(order)), levels)

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

    def test_group_sizes_count_every_level(self):
        self.assertAllEqual(routing.group_sizes(tf.constant([2, 0, 2]), 4), [1, 0, 2, 0])
        self.assertAllEqual(routing.group_sizes(tf.zeros((0,), tf.int32), 3), [0, 0, 0])

    def test_usage_is_a_prefix_and_masks_the_rest(self):
        usage = routing.channel_usage(tf.constant([0, 2, 1]), (0, 1, 3))
        self.assertAllEqual(usage, [[0, 0, 0], [1, 1, 1], [1, 0, 0]])
        masked = routing.mask_features(np.ones((3, 1, 1, 3), np.float32), usage)
        self.assertAllEqual(masked[:, 0, 0], [[0, 0, 0], [1, 1, 1], [1, 0, 0]])

    def test_gates_add_up_over_the_levels_that_use_a_channel(self):
        gates = routing.channel_gates(tf.constant([[0.5, 0.3, 0.2]]), (0, 1, 3))
        self.assertAllClose(gates, [[0.5, 0.2, 0.2]])
