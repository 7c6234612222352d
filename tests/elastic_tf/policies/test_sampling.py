import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.policies import sampling


class SamplingTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.logits = tf.constant([[[0.0, 2.0, 1.0], [3.0, 0.0, 0.0]]])
        self.many = tf.repeat(self.logits, 4000, axis=0)
        self.seed = tf.constant([1, 2])

    def _frequencies(self, levels, block):
        return np.bincount(np.asarray(levels)[:, block], minlength=3) / len(levels)

    def test_greedy_takes_the_largest(self):
        self.assertAllEqual(sampling.greedy(self.logits), [[1, 0]])

    @parameterized.parameters(0, 1)
    def test_sampled_follows_the_softmax(self, block):
        frequencies = self._frequencies(sampling.sampled(self.many, self.seed), block)
        exponentials = np.exp(self.logits[0, block].numpy())
        self.assertAllClose(frequencies, exponentials / exponentials.sum(), atol=0.03)

    def test_the_same_seed_draws_the_same(self):
        first = sampling.sampled(self.many, self.seed)
        self.assertAllEqual(first, sampling.sampled(self.many, self.seed))
        self.assertNotAllEqual(first, sampling.sampled(self.many, self.seed + 1))

    def test_epsilon_0_is_sampling(self):
        frequencies = self._frequencies(sampling.epsilon_mixed(self.many, 0.0, self.seed), 1)
        self.assertAllClose(frequencies[0], np.exp(3) / (np.exp(3) + 2), atol=0.03)

    def test_epsilon_1_forgets_the_logits(self):
        frequencies = self._frequencies(sampling.epsilon_mixed(self.many, 1.0, self.seed), 1)
        self.assertAllClose(frequencies, [1 / 3] * 3, atol=0.03)

    def test_uniform_draws_every_level_alike(self):
        levels = sampling.uniform(4000, 2, 3, self.seed)
        self.assertAllClose(self._frequencies(levels, 0), [1 / 3] * 3, atol=0.03)

    def test_fixed_choices(self):
        self.assertAllEqual(sampling.fixed_level(2, 3, 1), [[1, 1, 1]] * 2)
        self.assertAllEqual(sampling.fixed_model(2, [0, 2, 1]), [[0, 2, 1]] * 2)

    def test_log_probability_by_hand(self):
        expected = np.log(np.e / (1 + np.e + np.e**2)) + np.log(1 / (2 + np.e**3))
        self.assertAllClose(sampling.log_probability(self.logits, [[2, 1]]), [expected], rtol=1e-5)

    def test_log_probability_does_not_underflow(self):
        logits = tf.constant([[[0.0, 200.0]] * 20])
        self.assertAllClose(sampling.log_probability(logits, [[0] * 20]), [-4000.0])

    def test_entropy_by_hand(self):
        entropy = sampling.entropy(tf.constant([[[0.0, 0.0, 0.0], [100.0, 0.0, 0.0]]]))
        self.assertAllClose(entropy, [[np.log(3), 0.0]], atol=1e-5)

    def test_uniform_divergence_by_hand(self):
        divergence = sampling.uniform_divergence(tf.constant([[[0.0, 0.0], [np.log(3.0), 0.0]]]))
        expected = 0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25)
        self.assertAllClose(divergence, [[0.0, expected]], atol=1e-6)


if __name__ == "__main__":
    tf.test.main()
