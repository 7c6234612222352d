import numpy as np
import tensorflow as tf

from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.training.selector_loss import model_rewards, sample_models, selector_loss
from elastic_tf.training.settings import MethodSettings
from tests.testing import TASKS, random_batch, randomise


class SelectorLossTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        randomise(self.network)
        self.images, self.labels = random_batch(batch=4)["grey"]

    def test_samples_differ_and_have_their_shape(self):
        levels = sample_models(tf.zeros((50, 3, 4)), 0.0, 3, tf.constant([1, 2]))
        self.assertEqual(levels.shape, (3, 50, 3))
        self.assertNotAllEqual(levels[0], levels[1])

    def test_rewards_are_those_of_each_image_and_model_alone(self):
        levels = np.random.default_rng(0).integers(0, 4, (2, 4, 3)).astype(np.int32)
        settings = MethodSettings(rho=5.0)
        rewards = model_rewards(
            self.network, self.images, self.labels, tf.constant(levels), "grey", settings
        )
        widths = np.array([0, 0.25, 0.5, 1.0])
        for sample in range(2):
            for i in range(4):
                chosen = levels[sample, i : i + 1]
                logits = self.network.estimator(self.images[i : i + 1], levels=chosen, task="grey")
                log_softmax = logits[0] - tf.reduce_logsumexp(logits[0])
                density = widths[chosen[0]].mean()
                expected = (1 - density**2) / 5.0 + log_softmax[int(self.labels[i])] + 1
                self.assertAllClose(rewards[sample, i], expected, atol=1e-4)

    def test_cost_by_macs(self):
        levels = tf.zeros((2, 4, 3), tf.int32)
        by_density, by_macs = (
            model_rewards(
                self.network, self.images, self.labels, levels, "grey", MethodSettings(cost=cost)
            )
            for cost in ("density", "macs")
        )
        # Skipping every block has density 0, but the stem and the head still run.
        table = self.network.cost_table("grey")
        share = table.fixed_macs / table.full_macs
        self.assertAllClose(by_density - by_macs, np.full((2, 4), share**2 / 10), atol=1e-5)

    def test_gradient_is_the_score_function_by_hand(self):
        logits = tf.Variable([[[0.0, 1.0]]])
        levels, rewards = tf.constant([[[0]], [[1]]]), tf.constant([[3.0], [1.0]])
        settings = MethodSettings(entropy_weight=0.0, exploration_weight=0.0)
        with tf.GradientTape() as tape:
            loss = selector_loss(logits, levels, rewards, settings)
        p = 1 / (1 + np.exp(1.0))  # of level 0
        # d log q(level) / d logit_0 is 1 - p for level 0 and -p for level 1; advantages 2 and -2.
        expected = -((1 - p) * 2 + (-p) * -2) / 2
        self.assertAllClose(tape.gradient(loss, logits)[0, 0], [expected, -expected], rtol=1e-5)

    def test_entropy_bonus_sums_over_blocks(self):
        logits = tf.zeros((1, 3, 4))
        levels, rewards = tf.zeros((2, 1, 3), tf.int32), tf.ones((2, 1))
        loss = selector_loss(logits, levels, rewards, MethodSettings(entropy_weight=0.5))
        self.assertAllClose(loss, -0.5 * 3 * np.log(4), rtol=1e-5)

    def test_exploration_still_pulls_where_entropy_has_faded(self):
        logits = tf.Variable([[[30.0, 0.0]]])
        levels, rewards = tf.zeros((2, 1, 1), tf.int32), tf.ones((2, 1))
        pulls = []
        for weights in ((1.0, 0.0), (0.0, 1.0)):
            settings = MethodSettings(entropy_weight=weights[0], exploration_weight=weights[1])
            with tf.GradientTape() as tape:
                loss = selector_loss(logits, levels, rewards, settings)
            pulls.append(float(tape.gradient(loss, logits)[0, 0, 0]))
        self.assertAllClose(pulls, [0.0, 0.5], atol=1e-6)


if __name__ == "__main__":
    tf.test.main()
