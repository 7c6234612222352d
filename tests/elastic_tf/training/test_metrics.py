import tensorflow as tf

from elastic_tf.training.metrics import TaskMetrics


class TaskMetricsTest(tf.test.TestCase):
    def test_means_are_over_images_not_batches(self):
        metrics = TaskMetrics("birds")
        metrics.update(accuracy=tf.constant([1.0, 1.0, 1.0]))
        metrics.update(accuracy=tf.constant([0.0]))
        metrics.update(accuracy=tf.zeros((0,)))
        results = metrics.results(["accuracy"])
        self.assertEqual(list(results), ["birds_accuracy"])
        self.assertAllClose(results["birds_accuracy"], 0.75)


if __name__ == "__main__":
    tf.test.main()
