import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.costs.cost_table import CostTable
from elastic_tf.evaluation.target_prices import target_prices


def planted(seed, cost):
    """Returns logits of 400 images, and a table of two blocks of that cost."""
    logits = np.random.default_rng(seed).normal(size=(400, 2, 3)).astype(np.float32)
    table = CostTable(10, [[0, cost, 2 * cost]] * 2, [[0, 4, 8]] * 2, selector_macs=5)
    return logits, table


def share(logits, table, price):
    """Returns the mean share of MACs at a price, in NumPy."""
    worth = logits.astype(np.float64) - price * table.block_macs / table.full_macs
    levels = worth.argmax(axis=-1)
    macs = table.block_macs[np.arange(2), levels].sum(axis=-1)
    return (macs + table.fixed_macs + table.selector_macs).mean() / table.full_macs


class TargetPricesTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        parts = {"a": planted(0, 40), "b": planted(1, 70)}
        self.logits = {task: part[0] for task, part in parts.items()}
        self.tables = {task: part[1] for task, part in parts.items()}

    def _shares(self, prices):
        return [share(self.logits[task], self.tables[task], prices[task]) for task in prices]

    def test_every_task_meets_its_target(self):
        targets = {"a": 0.3, "b": 0.8}
        prices = target_prices(self.logits, self.tables, targets)
        self.assertAllClose(self._shares(prices), [0.3, 0.8], atol=2e-3)

    def test_the_mean_of_all_tasks_meets_theirs(self):
        prices = target_prices(self.logits, self.tables, {"a": 0.4, "b": 0.4}, "all")
        self.assertEqual(prices["a"], prices["b"])
        shares = self._shares(prices)
        self.assertAllClose(np.mean(shares), 0.4, atol=2e-3)
        self.assertGreater(abs(shares[0] - shares[1]), 5e-3)

    def test_a_task_without_a_target_has_no_price(self):
        self.assertEqual(set(target_prices(self.logits, self.tables, {"b": 0.5})), {"b"})

    @parameterized.parameters((0.001, 15 / 170), (1.0, 1.0))
    def test_what_cannot_be_reached_comes_as_near_as_it_can(self, target, expected):
        prices = target_prices(self.logits, self.tables, {"a": target})
        self.assertAllClose(self._shares(prices), [expected], atol=0.01)

    def test_a_jump_ends_on_its_nearer_side(self):
        # All images alike: the mean is 15, 55 or more of 170.
        logits = {"a": np.tile(np.float32([[[0, 1, 1.5]] * 2]), (9, 1, 1))}
        for target, expected in ((0.2, 15 / 170), (0.4, 95 / 170)):
            prices = target_prices(logits, self.tables, {"a": target})
            self.assertAllClose(share(logits["a"], self.tables["a"], prices["a"]), expected)


if __name__ == "__main__":
    tf.test.main()
