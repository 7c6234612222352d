import tensorflow as tf
from absl.testing import parameterized

from pipelines.task_weights import divide_batch, weights_by_size


class WeightsBySizeTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("equal", {"big": 1, "small": 1}),
        ("sqrt", {"big": 30, "small": 10}),
        ("proportional", {"big": 900, "small": 100}),
    )
    def test_weights_of_a_rule(self, rule, expected):
        self.assertAllClose(weights_by_size(rule, {"big": 900, "small": 100}), expected)

    def test_unknown_rule_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`rule` must be one of equal, sqrt, .* Received"):
            weights_by_size("cube", {"big": 1})


class DivideBatchTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (100, {"a": 3, "b": 1}, {"a": 75, "b": 25}),
        (10, {"a": 1, "b": 1, "c": 1}, {"a": 4, "b": 3, "c": 3}),
        # 5.5, 2.9 and 1.6: two are left over, for .9 and .6.
        (10, {"a": 55, "b": 29, "c": 16}, {"a": 5, "b": 3, "c": 2}),
        # The smallest is lifted to one image, which the largest pays.
        (10, {"a": 1000, "b": 999, "c": 1}, {"a": 5, "b": 4, "c": 1}),
        (3, {"a": 1e9, "b": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}),
        (7, {"a": 0.001}, {"a": 7}),
    )
    def test_sizes(self, total, weights, expected):
        self.assertEqual(divide_batch(total, weights), expected)

    @parameterized.product(total=(5, 64, 97), small=(0.001, 0.3, 2.0))
    def test_sizes_add_up_and_none_is_zero(self, total, small):
        sizes = divide_batch(total, {"a": 5.0, "b": 3.0, "c": small, "d": small, "e": small})
        self.assertEqual(sum(sizes.values()), total)
        self.assertGreaterEqual(min(sizes.values()), 1)

    @parameterized.parameters(27, 64, 97, 128)
    def test_sizes_are_within_one_of_their_shares(self, total):
        weights = {"a": 5.0, "b": 3.0, "c": 1.5, "d": 2.0, "e": 2.0}
        for name, size in divide_batch(total, weights).items():
            self.assertLess(abs(size - total * weights[name] / 13.5), 1)

    @parameterized.parameters(0, -1, float("nan"), float("inf"))
    def test_bad_weight_is_refused(self, weight):
        with self.assertRaisesRegex(ValueError, "`weights` must be positive .* Received"):
            divide_batch(10, {"a": 1, "b": weight})

    def test_too_few_images_are_refused(self):
        with self.assertRaisesRegex(ValueError, "`total` must be .* 3 tasks. Received: total=2"):
            divide_batch(2, {"a": 1, "b": 1, "c": 1})


if __name__ == "__main__":
    tf.test.main()
