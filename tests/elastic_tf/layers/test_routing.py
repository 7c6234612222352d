"""Tests of sorting by level."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers import routing
from tests import testing


class RoutingTest(testing.TestCase):
    def test_rows_taken_and_their_gradient_are_products_with_a_matrix(self):
        features = tf.random.stateless_normal((3, 2), (0, 1))
        rows, back = tf.constant([2, 0, 1, 1]), tf.constant([1, 2, 0])
        weights = tf.random.stateless_normal((4, 2), (2, 3))
        with tf.GradientTape() as tape:
            tape.watch(features)
            taken = routing.take_rows(features, rows, back)
            loss = tf.reduce_sum(taken * weights)
        matrix = np.eye(3)[rows.numpy()]
        self.assertAllClose(taken, matrix @ features.numpy())
        # A row that is repeated counts once.
        expected = matrix[:3].T @ weights.numpy()[:3]
        self.assertAllClose(tape.gradient(loss, features), expected)

    @parameterized.parameters(True, False)
    def test_routes_lead_every_row_through_groups_of_its_level_and_home(self, in_graph):
        levels = tf.constant([[2, 0], [0, 0], [1, 0], [0, 2], [2, 2]])
        channels = [(0, 1, 2), (1, 2, 3)]

        def run():
            plan = routing.plan_routes(levels, channels)
            return plan.routes, plan.order, plan.back

        routes, order, back = (tf.function(run) if in_graph else run)()
        rows = np.arange(5)
        for index, route in enumerate(routes):
            slots = np.asarray(route.rows)
            self.assertAllEqual(slots[np.asarray(route.back)], np.arange(5))
            sizes = np.asarray(route.sizes)
            counts = sizes if route.counts is None else np.asarray(route.counts)
            ends, kept = np.cumsum(sizes), []
            for level, (end, size, count) in enumerate(zip(ends, sizes, counts, strict=True)):
                group = rows[slots[end - size : end - size + count]]
                self.assertAllEqual(group, np.flatnonzero(levels[:, index] == level)[: len(group)])
                self.assertLen(group, np.sum(levels[:, index] == level))
                kept.extend(group)
                self.assertGreaterEqual(size, in_graph * min(channels[index][level], 1))
            rows = np.array(kept)
        self.assertAllEqual(rows, order)
        self.assertAllEqual(np.asarray(order)[np.asarray(back)], np.arange(5))

    def test_a_plan_goes_on_where_another_ended(self):
        levels = tf.constant([[2, 0, 1], [0, 0, 2], [1, 2, 0], [0, 1, 0]])
        channels = [(0, 1, 2)] * 3
        whole = routing.plan_routes(levels, channels)
        first = routing.plan_routes(levels[:, :1], channels[:1])
        rest = routing.plan_routes(levels[:, 1:], channels[1:], order=first.order)
        for route, again in zip(whole.routes, first.routes + rest.routes, strict=True):
            self.assertAllEqual(route.rows, again.rows)
            self.assertAllEqual(route.back, again.back)
        self.assertAllEqual(whole.order, rest.order)

    def test_gates_add_up_over_the_levels_that_use_a_channel(self):
        gates = routing.channel_gates(tf.constant([[0.5, 0.3, 0.2]]), (0, 1, 3))
        self.assertAllClose(gates, [[0.5, 0.2, 0.2]])
