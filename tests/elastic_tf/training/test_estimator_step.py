""""""

import numpy as np
import tensorflow as tf

from elastic_tf.models.estimator import Estimator
from elastic_tf.training.estimator_step import estimator_loss
from tests.testing import TASKS, random_batch, randomise


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


class EstimatorLossTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.estimator = Estimator(TASKS, backbone="wrn-8-1", momentum=0.0)
        randomise(self.estimator)
        self.images, self.labels = random_batch(batch=6)["grey"]
        self.levels = tf.constant(np.random.default_rng(1).integers(0, 4, (6, 3)), tf.int32)

    def _run(self, weight):
        return estimator_loss(self.estimator, self.images, self.labels, self.levels, "grey", weight)

    def test_cross_entropy_alone(self):
        loss, cross_entropy, logits = self._run(0.0)
        expected = -log_softmax(logits.numpy())[np.arange(6), self.labels]
        self.assertAllClose(cross_entropy, expected, rtol=1e-5)
        self.assertAllClose(loss, expected.mean(), rtol=1e-5)

    def test_the_full_model_learns_from_labels_and_teaches(self):
        loss, cross_entropy, logits = self._run(0.25)
        # Momentum 0 leaves the moments of that batch, so that inference repeats its full half.
        full = log_softmax(self.estimator(self.images, task="grey").numpy())
        chosen = log_softmax(self.estimator(self.images, levels=self.levels, task="grey").numpy())
        rows = np.arange(6)
        self.assertAllClose(log_softmax(logits.numpy()), chosen, rtol=1e-3, atol=1e-3)
        self.assertAllClose(cross_entropy, -chosen[rows, self.labels], rtol=1e-3, atol=1e-3)
        taught = -(np.exp(full) * chosen).sum(axis=-1)
        expected = (
            -full[rows, self.labels] - 0.75 * chosen[rows, self.labels] + 0.25 * taught
        ).mean()
        self.assertAllClose(loss, expected, rtol=1e-3)

    def test_the_teacher_is_not_taught(self):
        bias = self.estimator.heads["grey"].linear.bias
        with tf.GradientTape() as tape:
            loss, _, logits = self._run(0.25)
        gradient = tape.gradient(loss, bias.value)
        full = tf.nn.softmax(self.estimator(self.images, task="grey")).numpy()
        chosen = tf.nn.softmax(logits).numpy()
        right = np.eye(full.shape[-1])[self.labels]
        # Of each cross-entropy what is answered, less what it is held against.
        expected = (full - right) + 0.75 * (chosen - right) + 0.25 * (chosen - full)
        self.assertAllClose(gradient, expected.mean(axis=0), rtol=1e-3, atol=1e-4)

    def test_an_empty_batch_has_no_loss(self):
        empty = self.images[:0], self.labels[:0], self.levels[:0]
        for weight in (0.0, 0.5):
            loss = estimator_loss(self.estimator, *empty, "grey", weight).loss
            self.assertEqual(float(loss), 0.0)


if __name__ == "__main__":
    tf.test.main()
