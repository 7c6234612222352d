import numpy as np
import tensorflow as tf

from elastic_tf.evaluation.routed_images import route_images
from elastic_tf.models.elastic_network import ElasticNetwork
from tests.testing import TASKS, random_images, randomise

LABELS = np.array([0, 1, 2, 0, 1, 2])
PRICE = 300.0  # The logits of random weights are large.


def softmax(values):
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


class RouteImagesTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)
        randomise(cls.network.estimator)
        randomise(cls.network.selector)
        cls.images = random_images("grey", 6)
        batches = tf.data.Dataset.from_tensor_slices((cls.images, LABELS)).batch(4)
        cls.routed = route_images(cls.network, batches, "grey")
        cls.cheap = route_images(cls.network, batches, "grey", price=PRICE)
        cls.logits = cls.network.selector(cls.images, task="grey").numpy()

    def test_models_are_the_selectors(self):
        self.assertAllEqual(self.routed.levels, self.logits.argmax(axis=-1))

    def test_probabilities_of_levels(self):
        self.assertAllClose(self.routed.level_probabilities, softmax(self.logits), atol=1e-5)

    def test_a_price_counts_in_the_choice_and_in_the_probabilities(self):
        shares = np.asarray(self.network.cost_table("grey").block_shares)
        expected = softmax(self.logits - PRICE * shares)
        self.assertAllClose(self.cheap.level_probabilities, expected, atol=1e-5)
        self.assertAllEqual(self.cheap.levels, expected.argmax(axis=-1))
        self.assertNotAllEqual(self.cheap.levels, self.routed.levels)

    def test_answers_are_those_of_each_image_alone(self):
        for i, image in enumerate(self.images):
            levels = tf.constant(self.routed.levels[i : i + 1])
            answer = self.network.estimator(image[np.newaxis], levels=levels, task="grey")
            probabilities = tf.nn.softmax(answer)[0].numpy()
            self.assertEqual(self.routed.classes[i], probabilities.argmax())
            self.assertAllClose(self.routed.confidence[i], probabilities.max(), atol=1e-4)
        self.assertAllEqual(self.routed.labels, LABELS)
        self.assertAllClose(self.routed.accuracy, np.mean(self.routed.classes == LABELS))

    def test_cost_is_of_the_full_model_with_selector(self):
        table = self.network.cost_table("grey")
        expected = table.macs_share(self.routed.levels)
        self.assertAllClose(self.routed.macs_share, expected, atol=1e-6)


if __name__ == "__main__":
    tf.test.main()
