import numpy as np
import tensorflow as tf

import pipelines
from elastic_tf.inference.frozen_network import FrozenNetwork
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.policies.budget import BudgetCalibration
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

    def test_a_budget_is_charged_at_its_price(self):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        randomise(network)
        images = random_images("grey", 40)
        logits = network.selector(images, task="grey").numpy()
        shares = network.cost_table("grey").block_shares
        high = 4 * float(np.ptp(logits))
        frozen = FrozenNetwork(network, "grey", BudgetCalibration([0.4, 0.8], [high, -high]))
        predict = tf.function(frozen)
        for budget, price in ((0.4, high), (0.5, high / 2), (0.8, -high)):
            expected = (logits - price * shares).argmax(-1)
            self.assertNotAllEqual(expected, logits.argmax(-1))
            for given in (budget, tf.constant(budget)):
                answer = predict(images, given)
                self.assertAllEqual(answer["levels"], expected)
                reference = network.estimator(images, levels=expected, task="grey")
                self.assertAllClose(answer["logits"], reference, rtol=1e-3, atol=1e-4)
            self.assertAllEqual(frozen.select_levels(images, budget), expected)

    def test_without_a_budget_a_calibration_changes_nothing(self):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        randomise(network)
        images = random_images("grey", 40)
        frozen = FrozenNetwork(network, "grey", BudgetCalibration([0.5], [1e9]))
        expected = network.selector(images, task="grey").numpy().argmax(-1)
        self.assertAllEqual(tf.function(frozen)(images)["levels"], expected)

    def test_a_budget_without_calibration_is_refused(self):
        frozen = FrozenNetwork(ElasticNetwork(TASKS, backbone="wrn-8-1"), "grey")
        with self.assertRaisesRegex(ValueError, "`budget` must be None .* Received: budget=0.4"):
            frozen(random_images("grey", 2), 0.4)

    def test_a_budget_out_of_range_is_refused(self):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        frozen = FrozenNetwork(network, "grey", BudgetCalibration([0.5], [0.0]))
        with self.assertRaisesRegex(ValueError, r"`budget` must be a number in \(0, 1\]"):
            frozen.select_levels(random_images("grey", 2), 1.5)


if __name__ == "__main__":
    tf.test.main()
