import itertools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines.index_stream import index_batches


def _stream(steps, num_examples=20, batch_size=4, seed=0, start_step=0):
    dataset = index_batches(num_examples, batch_size, seed, start_step)
    return [batch.tolist() for batch in dataset.take(steps).as_numpy_iterator()]


class IndexBatchesTest(tf.test.TestCase, parameterized.TestCase):
    def test_batches_are_static_and_endless(self):
        dataset = index_batches(20, 6, seed=0)
        self.assertEqual(dataset.element_spec, tf.TensorSpec((6,), tf.int32))
        self.assertEqual(dataset.cardinality(), tf.data.INFINITE_CARDINALITY)

    @parameterized.parameters(1, 3, 6, 20, 64)
    def test_every_epoch_is_a_permutation(self, batch_size):
        order = list(itertools.chain(*_stream(-(-160 // batch_size), batch_size=batch_size)))
        for start in range(0, 160, 20):
            self.assertCountEqual(order[start : start + 20], range(20))

    def test_epochs_and_seeds_differ(self):
        orders = _stream(3, batch_size=20) + _stream(3, batch_size=20, seed=1)
        self.assertLen({tuple(order) for order in orders}, 6)

    @parameterized.product(start_step=(1, 4, 5, 13), batch_size=(3, 5, 20, 47))
    def test_start_step_leaves_out_the_batches_before(self, start_step, batch_size):
        whole = _stream(start_step + 4, batch_size=batch_size)
        late = _stream(4, batch_size=batch_size, start_step=start_step)
        self.assertEqual(late, whole[start_step:])

    def test_a_late_start_is_no_slower_to_reach(self):
        # 10**12 numbers could not be stepped over.
        (batch,) = _stream(1, batch_size=10, start_step=10**11 + 1)
        self.assertLen(set(batch), 10)

    def test_every_position_is_uniform(self):
        # 2000 epochs of 5: each number is first about 400 times; 6 standard deviations are 107.
        order = np.array(_stream(2000, num_examples=5, batch_size=5))
        for position in range(5):
            counts = np.bincount(order[:, position], minlength=5)
            self.assertAllClose(counts, np.full(5, 400), atol=107)


if __name__ == "__main__":
    tf.test.main()
