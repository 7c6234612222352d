"""Tests of the cost table and of MACs."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.costs.cost_table import CostTable, conv2d_macs, dense_macs, same_output_size
from tests import testing


class MacsTest(testing.TestCase):
    @parameterized.parameters((7, 1, 7), (7, 2, 4), (8, 2, 4), (96, 3, 32), (1, 2, 1))
    def test_same_output_size_is_tensorflows(self, size, strides, expected):
        outputs = tf.nn.conv2d(
            tf.zeros((1, size, size, 1)), tf.zeros((3, 3, 1, 1)), strides, "SAME"
        )
        self.assertEqual(outputs.shape[1], expected)
        self.assertEqual(same_output_size(size, strides), expected)

    def test_macs_by_hand(self):
        self.assertEqual(conv2d_macs((4, 5), 3, 2, 7), 4 * 5 * 9 * 2 * 7)
        self.assertEqual(dense_macs(64, 10), 640)


class CostTableTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.table = CostTable(
            fixed_macs=100,
            block_macs=[[0, 10, 40], [0, 20, 60]],
            channels=[[0, 2, 8], [0, 3, 4]],
            selector_macs=50,
        )

    @parameterized.parameters(((0, 0), 150), ((1, 2), 220), ((2, 2), 250))
    def test_macs_add_up(self, levels, expected):
        self.assertEqual(int(self.table.macs([levels])[0]), expected)
        # A fixed model needs no selector.
        self.assertEqual(int(self.table.macs([levels], with_selector=False)[0]), expected - 50)

    def test_shares_are_of_the_full_model_without_selector(self):
        self.assertEqual(self.table.full_macs, 200)
        self.assertAllClose(self.table.macs_share([[2, 2], [0, 0]]), [250 / 200, 150 / 200])
        self.assertAllClose(self.table.block_shares, [[0, 0.05, 0.2], [0, 0.1, 0.3]])

    def test_density_is_the_mean_share_of_channels(self):
        density = self.table.density([[2, 2], [0, 0], [1, 1]])
        self.assertAllClose(density, [1.0, 0.0, (2 / 8 + 3 / 4) / 2])

    def test_one_hot_gates_cost_what_their_levels_cost(self):
        levels = np.array([[[1, 2], [0, 1]]])
        gates = tf.one_hot(levels, 3)
        shares = [[(50 + 170) / 200, (50 + 120) / 200]]
        self.assertAllClose(self.table.gated_macs_share(gates), shares)
        self.assertAllClose(self.table.macs_share(levels), shares)
        self.assertAllClose(self.table.gated_density(gates), self.table.density(levels))

    def test_leading_dimensions_are_kept(self):
        self.assertEqual(self.table.macs(np.zeros((4, 3, 2), np.int32)).shape, (4, 3))

    def test_large_counts_are_exact(self):
        table = CostTable(1, [[0, 2**40]], [[0, 8]])
        self.assertEqual(int(table.macs([[1]])[0]), 2**40 + 1)

    def test_shapes_that_do_not_fit_are_refused(self):
        with self.assertRaisesRegex(ValueError, "`levels` must end in 2 entries"):
            self.table.macs([[0, 0, 0]])
        with self.assertRaisesRegex(ValueError, "same shape"):
            CostTable(0, [[0, 1]], [[0, 1, 2]])
