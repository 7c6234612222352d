import tensorflow as tf
from absl.testing import parameterized

from pipelines.stream_seed import stream_seed


class StreamSeedTest(tf.test.TestCase, parameterized.TestCase):
    def test_it_stays_the_same_in_every_process(self):
        # The CRC-32 of "1/digits/shuffle", worked out bit by bit, without its highest bit.
        self.assertEqual(stream_seed(1, "digits", "shuffle"), 1015722909)

    @parameterized.parameters((2, "a", "x"), (1, "b", "x"), (1, "a", "y"))
    def test_every_argument_changes_it(self, seed, task, purpose):
        self.assertNotEqual(stream_seed(seed, task, purpose), stream_seed(1, "a", "x"))

    def test_it_fits_a_positive_int32(self):
        seeds = [stream_seed(seed, "task", "shuffle") for seed in range(200)]
        self.assertBetween(min(seeds), 0, 2**31 - 1)
        self.assertBetween(max(seeds), 0, 2**31 - 1)

    @parameterized.parameters(-1, 1.0, "1", None, True)
    def test_seed_must_be_an_integer_from_0(self, seed):
        with self.assertRaisesRegex(ValueError, "`seed` must be an integer >= 0. Received: seed="):
            stream_seed(seed, "task", "shuffle")
