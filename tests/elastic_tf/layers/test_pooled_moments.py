import numpy as np
import tensorflow as tf

from elastic_tf.layers.moments import merge_moments
from elastic_tf.layers.norm_conv import measure
from elastic_tf.layers.pooled_moments import PooledMoments, pool_of, pooling
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization


class PooledMomentsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        generator = np.random.default_rng(0)
        # Batches of different sizes and means.
        self.batches = [
            generator.normal(mean, 2.0, (size, 2, 3, 4)).astype(np.float32)
            for size, mean in ((5, 3.0), (1, -4.0), (8, 0.5))
        ]
        self.pooled = PooledMoments(4)

    def _add(self, *groups):
        self.pooled.add(*merge_moments([measure(tf.constant(images)) for images in groups], 4))

    def test_they_are_numpys_over_all_values(self):
        for images in self.batches:
            self._add(images)
        values = np.concatenate(self.batches)
        count, mean, variance = self.pooled.result()
        self.assertAllEqual(count, np.full(4, 14 * 6))
        self.assertAllClose(mean, values.mean((0, 1, 2)), rtol=1e-5)
        self.assertAllClose(variance, values.var((0, 1, 2)), rtol=1e-5)

    def test_every_channel_counts_the_images_that_use_it(self):
        first, second, third = self.batches
        self._add(first, second[..., :2])
        self._add(third[..., :2])
        values = [np.concatenate(self.batches)[..., :2], first[..., 2:]]
        count, mean, variance = self.pooled.result()
        self.assertAllEqual(count, [84, 84, 30, 30])
        self.assertAllClose(mean, np.concatenate([v.mean((0, 1, 2)) for v in values]), rtol=1e-5)
        self.assertAllClose(variance, np.concatenate([v.var((0, 1, 2)) for v in values]), rtol=1e-5)

    def test_a_channel_without_values_has_zeros(self):
        self._add(self.batches[0][..., :3])
        self._add(self.batches[1][:0])
        self.assertAllEqual([vector[3] for vector in self.pooled.result()], [0, 0, 0])

    def test_more_values_than_float32_can_count(self):
        # Two halves of a large number of values, then few of another mean.
        for mean in (1.0, 3.0):
            self.pooled.add(tf.fill([4], 2.0**24), tf.fill([4], mean), tf.ones(4))
        for _ in range(4):
            self.pooled.add(tf.ones(4), tf.fill([4], 2.0), tf.zeros(4))
        count, mean, variance = self.pooled._count, *self.pooled.result()[1:]
        self.assertAllEqual(count, np.full(4, 2.0**25 + 4))
        self.assertAllClose(mean, np.full(4, 2.0))
        self.assertAllClose(variance, np.full(4, 2.0))

    def test_a_layer_adds_to_its_pool_and_keeps_its_averages(self):
        norm, pools = TaskBatchNormalization(["a"]), {}
        norm.build((None, 2, 3, 4))
        before = norm.get_weights()
        # A graph that is made within, twice, as the batches differ in size.
        run = tf.function(lambda images: norm(images, task="a", training=True))
        with pooling(pools):
            outputs = [run(tf.constant(images)) for images in self.batches]
        self.assertAllEqual(norm.get_weights(), before)
        values = np.concatenate(self.batches)
        self.assertAllClose(pools[norm].result()[2], values.var((0, 1, 2)), rtol=1e-5)
        self.assertAllClose(outputs[0], norm(self.batches[0], task="a", training=True), atol=1e-5)

    def test_inference_adds_nothing(self):
        norm, pools = TaskBatchNormalization(["a"]), {}
        with pooling(pools):
            norm(self.batches[0], task="a")
        self.assertEmpty(pools)

    def test_outside_there_is_no_pool(self):
        norm = TaskBatchNormalization(["a"], momentum=0.0)
        with self.assertRaises(KeyError), pooling({}):
            raise KeyError
        self.assertIsNone(pool_of(norm))
        norm(self.batches[0], task="a", training=True)
        self.assertAllClose(norm.moving_means["a"], self.batches[0].mean((0, 1, 2)), rtol=1e-5)


if __name__ == "__main__":
    tf.test.main()
