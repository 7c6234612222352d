"""Tests of groups of rows."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.rows import plan_groups, run_by_group, run_groups_for_litert
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


class PlanGroupsTest(testing.TestCase):
    @parameterized.parameters(0, 1, 9)
    def test_groups_carry_every_image_through_all_blocks(self, batch):
        levels = np.random.default_rng(0).integers(0, 4, (batch, 3)).astype(np.int32)
        spec = [tf.TensorSpec((None, 3), tf.int32)]
        groups, restore = tf.function(lambda levels: plan_groups(levels, 4), spec)(levels)
        images = np.arange(batch)
        for block, parts in enumerate(groups):
            images = [images[rows] for rows in parts]
            for level, part in enumerate(images):
                self.assertAllEqual(np.sort(part), np.flatnonzero(levels[:, block] == level))
            images = np.concatenate(images)
        self.assertAllEqual(images[restore], np.arange(batch))


class RunGroupsForLiteRTTest(testing.TestCase):
    def test_a_function_is_never_run_on_no_rows(self):
        def run_at_least_one(rows):
            with tf.control_dependencies([tf.debugging.assert_positive(tf.shape(rows)[0])]):
                return rows + 1

        run = tf.function(
            lambda *groups: run_groups_for_litert(
                [run_at_least_one] * 3, [tf.ones((2, 1))], groups, (1,)
            )
        )
        none = tf.zeros((0,), tf.int32)
        self.assertAllEqual(run(none, tf.constant([1, 0]), none), [[2.0], [2.0]])
