import tensorflow as tf
from elastic_tf_tools.benchmarking.op_times import OpTime, format_op_times, op_times


class OpTimesTest(tf.test.TestCase):
    def test_operations_are_counted_by_kind(self):
        inputs = tf.eye(300)
        run = tf.function(lambda: tf.cumsum(tf.cumsum(inputs)) + tf.linalg.inv(inputs))
        run()
        times = {time.name: time for time in op_times(run)}
        self.assertEqual(times["Cumsum"].calls, 2)
        self.assertEqual(times["MatrixInverse"].calls, 1)
        self.assertGreater(times["MatrixInverse"].milliseconds, 0)

    def test_the_longest_is_first(self):
        inputs = tf.random.stateless_uniform((500, 500), (0, 0))
        run = tf.function(lambda: tf.linalg.inv(inputs) + tf.sin(inputs))
        run()
        self.assertEqual(op_times(run)[0].name, "MatrixInverse")

    def test_the_table_sums_up_what_it_does_not_show(self):
        times = [OpTime("Conv2D", 2, 6.0), OpTime("Mul", 5, 3.0), OpTime("Add", 1, 1.0)]
        table = format_op_times("dense", times, most=1).splitlines()
        self.assertLen(table, 4)
        self.assertEqual(table[2].split(), ["Conv2D", "2", "6.0", "60.0"])
        self.assertEqual(table[3].split(), ["all", "others", "6", "4.0", "40.0"])


if __name__ == "__main__":
    tf.test.main()
