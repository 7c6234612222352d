import numpy as np
import tensorflow as tf
from elastic_tf_tools.benchmarking.subject import random_subject, trained_subject

from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from pipelines import get_tasks
from tests.tools.benchmarking.small_subjects import small_subject

DIGITS = {"digits": {"image_shape": (8, 8, 1), "num_classes": 10}}


class SubjectTest(tf.test.TestCase):
    def test_a_batch_repeats_the_images_until_it_is_full(self):
        subject = small_subject()
        images, labels = subject.batch(12)
        self.assertAllEqual(images[5:10], subject.images)
        self.assertAllEqual(images[10:], subject.images[:2])
        self.assertAllEqual(labels[:5], subject.labels)

    def test_random_levels_are_fixed_by_the_seed(self):
        first, again = small_subject(seed=1), small_subject(seed=1)
        self.assertAllEqual(first.random_levels(50), again.random_levels(50))
        self.assertNotAllEqual(first.random_levels(50), small_subject(seed=2).random_levels(50))
        self.assertAllEqual(np.unique(first.random_levels(50)), [0, 1, 2])

    def test_a_copy_has_the_weights_and_not_the_variables(self):
        subject = small_subject()
        images, _ = subject.batch(3)
        expected = subject.network(images, task="colour", return_levels=True)
        copy = subject.copy_of_network()
        for weight in subject.network.weights:
            weight.assign(tf.zeros_like(weight))
        actual = copy(images, task="colour", return_levels=True)
        self.assertAllEqual(actual["levels"], expected["levels"])
        self.assertAllClose(actual["logits"], expected["logits"])

    def test_random_images_are_of_the_networks_first_task(self):
        network = small_subject().network
        subject = random_subject(network, 50, seed=0)
        self.assertEqual(subject.task, "grey")
        self.assertEqual((subject.images.shape, subject.images.dtype), ((50, 8, 8, 1), np.uint8))
        self.assertAllEqual(np.unique(subject.labels), [0, 1, 2])
        self.assertFalse(subject.is_trained)

    def test_norms_of_a_random_network_are_moved_a_little(self):
        network = DeepElasticNetwork(DIGITS, backbone="wrn-8-1")
        vectors = [
            weight
            for weight in network.estimator.weights + network.selector.weights
            if len(weight.shape) == 1
        ]
        before = [np.array(vector) for vector in vectors]
        random_subject(network, 1, seed=0)
        for vector, start in zip(vectors, before, strict=True):
            self.assertNotIn(0.0, np.array(vector) - start, vector.path)
            self.assertAllClose(vector, start, atol=0.11)

    def test_a_trained_network_gets_test_images(self):
        network = DeepElasticNetwork(DIGITS, backbone="wrn-8-1")
        subject = trained_subject(network, get_tasks(["digits"]), None, 7, seed=0)
        self.assertEqual((subject.task, subject.images.shape), ("digits", (7, 8, 8, 1)))
        self.assertTrue(subject.is_trained)

    def test_another_task_than_the_networks_is_refused(self):
        network = DeepElasticNetwork(DIGITS, backbone="wrn-8-1")
        with self.assertRaisesRegex(ValueError, "`--task` must be one of .'digits'.*task=mnist"):
            trained_subject(network, get_tasks(["digits"]), "mnist", 1, seed=0)


if __name__ == "__main__":
    tf.test.main()
