import time

import tensorflow as tf
from elastic_tf_tools.benchmarking.input_rows import input_rows
from elastic_tf_tools.benchmarking.interleaved_timer import InterleavedTimer

from tests.testing import random_batch
from tests.tools.benchmarking.small_subjects import small_subject


def slow_stream(seconds):
    """Returns endless batches that each take a while to come, and do not come ahead of time."""
    batch = random_batch(["grey"], batch=3)

    def wait(index):
        return tf.numpy_function(lambda i: time.sleep(seconds) or i, [index], tf.int64)

    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.inject_prefetch = False
    return tf.data.Dataset.counter().map(wait).map(lambda _: batch).with_options(options)


class InputRowsTest(tf.test.TestCase):
    def test_a_slow_stream_is_found_out(self):
        cached, streamed = input_rows(
            small_subject().network, slow_stream(0.5), InterleavedTimer(0, 2, warmups=1)
        )
        self.assertEqual([cached.name, streamed.name], ["input_cached", "input_pipeline"])
        self.assertAllGreater(streamed.seconds, 0.5)
        self.assertAllLess(cached.seconds, 0.5)
        self.assertAllEqual(streamed.reference, cached.seconds)
        self.assertEqual(cached.batch_size, 3)
        self.assertIsNone(streamed.macs_share)

    def test_a_turn_of_several_steps_is_given_per_step(self):
        timer = InterleavedTimer(60.0, 1, warmups=0)  # Time for as many steps as may be.
        timer.measure = lambda functions: {
            name: tf.constant([200.0 * (index + 1)]).numpy() for index, name in enumerate(functions)
        }
        cached, streamed = input_rows(small_subject().network, slow_stream(0.0), timer)
        self.assertAllClose(cached.seconds, [1.0])
        self.assertAllClose(streamed.seconds, [2.0])
        self.assertAllClose(streamed.reference, [1.0])


if __name__ == "__main__":
    tf.test.main()
