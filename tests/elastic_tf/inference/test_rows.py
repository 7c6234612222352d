"""Tests of groups of rows."""

import tensorflow as tf

from elastic_tf.inference.rows import run_by_gather, run_by_group
from tests import testing


class RunByGroupTest(testing.TestCase):
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
    def test_a_function_is_never_run_on_no_rows(self):
        def run_at_least_one(rows):
            with tf.control_dependencies([tf.debugging.assert_positive(tf.shape(rows)[0])]):
                return rows + 1

        run = tf.function(
            lambda levels: run_by_gather([run_at_least_one] * 3, [tf.ones((2, 1))], levels, (1,))
        )
        self.assertAllEqual(run(tf.constant([1, 1]))[0], [[2.0], [2.0]])
