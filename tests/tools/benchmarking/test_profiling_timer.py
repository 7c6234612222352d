import tensorflow as tf
from elastic_tf_tools.benchmarking.profiling_timer import ProfilingTimer


class ProfilingTimerTest(tf.test.TestCase):
    def test_only_the_functions_asked_for_are_profiled(self):
        tables = []
        timer = ProfilingTimer(0, 2, names=["b", "absent"], report=tables.append)
        inputs = tf.eye(50)
        run = tf.function(lambda: tf.linalg.inv(inputs))
        seconds = timer.measure({"a": run, "b": run})
        self.assertEqual([len(values) for values in seconds.values()], [2, 2])
        (table,) = tables
        self.assertStartsWith(table, "\nb, by operation")
        self.assertIn("MatrixInverse", table)


if __name__ == "__main__":
    tf.test.main()
