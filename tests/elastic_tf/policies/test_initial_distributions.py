import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.policies import initial_distributions as distributions


class InitialDistributionsTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.seed = tf.constant([3, 4])
        self.logits = tf.constant(np.tile([[[9.0, 0.0, 0.0]]], (400, 5, 1)), tf.float32)

    def test_proposed_runs_three_quarters_in_full(self):
        levels = distributions.ProposedDistribution()(self.logits, self.seed).numpy()
        self.assertAllEqual(levels[:300], np.full((300, 5), 2))
        shares = np.bincount(levels[300:].ravel(), minlength=3) / 500
        self.assertAllClose(shares, [1 / 3] * 3, atol=0.08)

    def test_uniform_draws_every_level_alike(self):
        levels = distributions.UniformDistribution()(self.logits, self.seed).numpy()
        self.assertAllClose(np.bincount(levels.ravel()) / 2000, [1 / 3] * 3, atol=0.05)

    def test_random_follows_the_selector(self):
        levels = distributions.RandomDistribution()(self.logits, self.seed).numpy()
        self.assertGreater((levels == 0).mean(), 0.99)

    @parameterized.parameters(*distributions.INITIAL_DISTRIBUTIONS)
    def test_all_accept_an_empty_batch(self, name):
        levels = distributions.get_initial_distribution(name)(self.logits[:0], self.seed)
        self.assertEqual(levels.shape, (0, 5))

    def test_an_unknown_name_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`initial_distribution` must be one of"):
            distributions.get_initial_distribution("normal")

    def test_a_share_out_of_range_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`full_share` must be in"):
            distributions.ProposedDistribution(1.5)


if __name__ == "__main__":
    tf.test.main()
