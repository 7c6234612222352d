import numpy as np
import tensorflow as tf

from elastic_tf.policies.random_prices import randomly_priced
from elastic_tf.policies.sampling import greedy

SHARES = np.array([[0.0, 0.1, 0.4], [0.0, 0.2, 0.3]])


class RandomlyPricedTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        logits = [[[0.0, 1.0, 2.0], [3.0, 0.5, 0.0]]]
        self.logits = tf.constant(np.tile(logits, (2000, 1, 1)), tf.float32)
        self.priced = randomly_priced(self.logits, SHARES, tf.constant([1, 2]))

    def test_one_price_for_all_blocks_of_an_image(self):
        taken_off = np.array(self.logits - self.priced)
        prices = taken_off[:, 0, 2] / SHARES[0, 2]
        self.assertAllClose(taken_off, prices[:, None, None] * SHARES, atol=1e-5)

    def test_prices_are_uniform_around_zero(self):
        prices = np.array(self.logits - self.priced)[:, 0, 2] / SHARES[0, 2]
        highest = 2 * 2.5 / 0.35  # Mean range of the logits over the mean range of the shares.
        self.assertAllInRange(prices, -highest, highest)
        self.assertAllClose(
            np.quantile(prices, [0.1, 0.5, 0.9]) / highest, [-0.8, 0, 0.8], atol=0.08
        )

    def test_choices_go_from_the_cheapest_to_the_dearest(self):
        chosen = {tuple(levels) for levels in greedy(self.priced).numpy().tolist()}
        self.assertContainsSubset({(0, 0), (2, 0), (2, 2)}, chosen)

    def test_there_is_no_gradient(self):
        with tf.GradientTape() as tape:
            tape.watch(self.logits)
            priced = randomly_priced(self.logits, SHARES, tf.constant([1, 2]))
        self.assertIsNone(tape.gradient(priced, self.logits))

    def test_equal_logits_stay_as_they_are(self):
        self.assertAllEqual(
            randomly_priced(tf.ones((2, 2, 3)), SHARES, tf.constant([1, 2])), np.ones((2, 2, 3))
        )


if __name__ == "__main__":
    tf.test.main()
