"""Tests of groups of rows."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.rows import run_by_gather, run_by_group, sort_rows, undo_order
from tests import testing


class SortRowsTest(testing.TestCase):
    @parameterized.parameters(
        ([2, 0, 1, 0], [1, 3, 2, 0]), ([0, 0, 1], [0, 1, 2]), ([3], [0]), ([1, 1], [0, 1])
    )
    def test_rows_are_sorted_by_level_and_ties_keep_their_order(self, levels, expected):
        levels = tf.constant(levels)
        rows = tf.range(len(levels))
        features = tf.reshape(tf.cast(rows, tf.float32) * 10, [-1, 1, 1, 1])
        moved, sorted_levels, moved_rows = tf.function(sort_rows)(features, levels, rows)
        self.assertAllEqual(moved_rows, expected)
        self.assertAllEqual(moved[:, 0, 0, 0], np.array(expected) * 10.0)
        self.assertAllEqual(sorted_levels, np.sort(levels))


class RunByGroupTest(testing.TestCase):
    def test_every_group_runs_its_own_branch(self):
        first = np.arange(12, dtype=np.float32).reshape(6, 2)
        second = -first
        branches = [None, lambda x, y: x * 2.0, lambda x, y: x * 100.0 + y]
        whole = np.stack([second, first * 2, first * 100 + second])
        run = tf.function(lambda x, y, sizes: run_by_group(branches, [x, y], sizes, (2,)))
        for sizes in ([2, 1, 3], [0, 6, 0], [0, 0, 6], [6, 0, 0], [1, 0, 5]):
            expected = whole[np.repeat([0, 1, 2], sizes), np.arange(6)]
            self.assertAllClose(run(first, second, tf.constant(sizes)), expected)

    def test_branch_of_an_empty_group_does_not_run(self):
        runs = tf.Variable(0)

        def count(rows):
            runs.assign_add(1)
            return rows

        run = tf.function(lambda x, sizes: run_by_group([count, tf.identity], [x], sizes, (2,)))
        run(tf.ones((3, 2)), tf.constant([0, 3]))
        self.assertAllEqual(runs, 0)
        run(tf.ones((3, 2)), tf.constant([1, 2]))
        self.assertAllEqual(runs, 1)


class RunByGatherTest(testing.TestCase):
    def test_every_row_runs_on_the_function_of_its_level(self):
        branches = [None, lambda a, b: a * 10, lambda a, b: a * 100]

        @tf.function(input_signature=[tf.TensorSpec((None, 1)), tf.TensorSpec((None,), tf.int32)])
        def run(rows, levels):
            outputs, order = run_by_gather(branches, [rows, -rows], levels, (1,))
            return outputs, order, undo_order(outputs, order)

        for levels in ([2, 0, 1, 0, 2], [1, 1, 1], [0], [2, 2]):
            rows = np.arange(1.0, 1 + len(levels), dtype=np.float32)[:, np.newaxis]
            outputs, order, restored = run(rows, levels)
            self.assertAllEqual(order, np.argsort(levels, kind="stable"))
            expected = rows * np.array([-1.0, 10.0, 100.0])[levels][:, np.newaxis]
            self.assertAllEqual(outputs, expected[order])
            self.assertAllEqual(restored, expected)

    def test_a_function_is_never_run_on_no_rows(self):
        def run_at_least_one(rows):
            with tf.control_dependencies([tf.debugging.assert_positive(tf.shape(rows)[0])]):
                return rows + 1

        run = tf.function(
            lambda levels: run_by_gather([run_at_least_one] * 3, [tf.ones((2, 1))], levels, (1,))
        )
        self.assertAllEqual(run(tf.constant([1, 1]))[0], [[2.0], [2.0]])
