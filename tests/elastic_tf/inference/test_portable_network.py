import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_network import FrozenNetwork
from elastic_tf.inference.portable_network import PortableNetwork
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.policies.budget import priced_greedy
from tests.testing import TASKS, random_images, randomise


def make_network(backbone="wrn-8-1"):
    network = ElasticNetwork(TASKS, backbone=backbone, trunk_size=4)
    randomise(network)
    return network


class PortableNetworkTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(backbone=("wrn-8-1", "vgg-8-8"), task=tuple(TASKS))
    def test_it_answers_as_the_frozen_network(self, backbone, task):
        network, images = make_network(backbone), random_images(task, 20)
        actual = tf.function(PortableNetwork(network, task))(images)
        expected = FrozenNetwork(network, task)(images)
        self.assertAllEqual(actual["levels"], expected["levels"])
        self.assertAllClose(actual["logits"], expected["logits"], rtol=1e-4, atol=1e-5)

    def test_any_batch_size_goes_through_one_graph(self):
        network = make_network()
        spec = tf.TensorSpec((None, *TASKS["grey"]["image_shape"]), tf.uint8)
        predict = tf.function(PortableNetwork(network, "grey"), input_signature=[spec])
        images = random_images("grey", 7)
        whole = predict(images)
        for size in (1, 2, 5):
            part = predict(images[:size])
            self.assertAllEqual(part["levels"], whole["levels"][:size])
            self.assertAllClose(part["logits"], whole["logits"][:size], rtol=1e-4, atol=1e-5)

    def test_macs_have_their_price(self):
        network, images = make_network(), random_images("grey", 20)
        logits = network.selector(images, task="grey")
        price = float(tf.reduce_max(logits) - tf.reduce_min(logits))
        levels = PortableNetwork(network, "grey", price)(images)["levels"]
        shares = network.cost_table("grey").block_shares
        self.assertAllEqual(levels, priced_greedy(logits, shares, price))
        self.assertNotAllEqual(levels, priced_greedy(logits, shares, 0.0))

    def test_images_of_another_shape_are_refused(self):
        with self.assertRaisesRegex(ValueError, "Images of task 'grey' must have shape"):
            PortableNetwork(make_network(), "grey")(random_images("colour"))


if __name__ == "__main__":
    tf.test.main()
