import numpy as np
import tensorflow as tf

import pipelines
from elastic_tf.inference.frozen_network import FrozenNetwork
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.stages import StageSchedule
from tests.testing import TASKS, random_images, randomise


def trained_network(steps=60):
    """Returns a masked network after a short training on real digits, and test images."""
    (spec,) = pipelines.get_tasks(["digits"])
    tasks = {"digits": {"image_shape": spec.image_shape, "num_classes": spec.num_classes}}
    network = DeepElasticNetwork(tasks, backbone="wrn-8-1", execution="masked")
    network.compile(stages=StageSchedule(steps // 2, 1, steps // 4, steps // 4))
    batches = pipelines.training_batches([spec], 32, seed=0)
    network.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
    ((images, _),) = pipelines.eval_dataset(spec, "test", 64).take(1)
    return network, images


class FrozenNetworkTest(tf.test.TestCase):
    def test_trained_weights_give_the_masked_networks_answers(self):
        network, images = trained_network()
        frozen = FrozenNetwork(network, "digits")
        actual = tf.function(frozen)(images)
        expected = network(images, task="digits", return_levels=True)
        self.assertAllEqual(actual["levels"], expected["levels"])
        levels = np.random.default_rng(0).integers(0, 4, (len(images), network.num_blocks))
        logits = tf.function(frozen.estimator)(images, levels)
        reference = network.estimator(images, levels=levels, task="digits")
        for fast, slow in ((actual["logits"], expected["logits"]), (logits, reference)):
            error = np.abs(fast - slow).max() / np.abs(slow).max()
            self.assertLess(error, 1e-4)

    def test_any_batch_size_goes_through_one_graph(self):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        randomise(network)
        spec = tf.TensorSpec((None, *TASKS["grey"]["image_shape"]), tf.uint8)
        predict = tf.function(FrozenNetwork(network, "grey"), input_signature=[spec])
        images = random_images("grey", 7)
        whole = predict(images)
        for size in (0, 1, 3):
            part = predict(images[:size])
            self.assertAllEqual(part["levels"], whole["levels"][:size])
            self.assertAllClose(part["logits"], whole["logits"][:size], rtol=1e-4, atol=1e-5)

    def test_it_holds_no_variables(self):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        images = tf.constant(random_images("grey", 2))
        graph = tf.function(FrozenNetwork(network, "grey")).get_concrete_function(images)
        self.assertEmpty(graph.variables)


if __name__ == "__main__":
    tf.test.main()
