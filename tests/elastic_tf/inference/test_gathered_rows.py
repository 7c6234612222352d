import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.gathered_rows import run_by_gather, undo_order


class RunByGatherTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(([2, 0, 1, 0, 2],), ([1, 1, 1],), ([0],), ([2, 2],))
    def test_every_row_runs_on_the_function_of_its_level(self, levels):
        rows = np.arange(1.0, 1 + len(levels), dtype=np.float32)[:, np.newaxis]
        branches = [None, lambda a, b: a * 10, lambda a, b: a * 100]

        @tf.function(input_signature=[tf.TensorSpec((None, 1)), tf.TensorSpec((None,), tf.int32)])
        def run(rows, levels):
            outputs, order = run_by_gather(branches, [rows, -rows], levels, (1,))
            return outputs, order, undo_order(outputs, order)

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


if __name__ == "__main__":
    tf.test.main()
