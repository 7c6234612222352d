import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.budget_calibration import calibrate
from elastic_tf.evaluation.budget_curve import budget_curve, largest_miss
from elastic_tf.models.elastic_network import ElasticNetwork
from tests.testing import TASKS, random_batch, randomise

BUDGETS = (0.05, 0.5, 0.75, 1.0)


class BudgetCurveTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        randomise(cls.network)
        cls.images, cls.labels = (x.numpy() for x in random_batch(batch=24)["grey"])
        cls.table = cls.network.cost_table("grey")
        cls.logits = cls.network.selector(cls.images, task="grey").numpy()
        cls.calibration = calibrate(cls.logits, cls.table)
        batches = [(cls.images[:16], cls.labels[:16]), (cls.images[16:], cls.labels[16:])]
        cls.curve = budget_curve(cls.network, batches, "grey", cls.calibration, BUDGETS)

    def _check(self, point, levels, with_selector):
        logits = self.network.estimator(self.images, levels=levels, task="grey").numpy()
        self.assertAllClose(point["accuracy"], (logits.argmax(-1) == self.labels).mean())
        macs = self.table.block_macs[np.arange(3), levels].sum(axis=1).mean()
        macs += self.table.fixed_macs + with_selector * self.table.selector_macs
        self.assertAllClose(point["macs_share"], macs / self.table.full_macs)

    def test_every_budget_is_measured_at_its_price(self):
        self.assertEqual([point["budget"] for point in self.curve["budgets"]], list(BUDGETS))
        for point in self.curve["budgets"]:
            price = np.interp(point["budget"], self.calibration.budgets, self.calibration.prices)
            worth = self.logits - np.float32(price) * self.table.block_shares
            self.assertAllClose(point["price"], price)
            self._check(point, worth.argmax(-1), with_selector=True)

    def test_what_is_below_the_cheapest_is_out_of_reach(self):
        reachable = [point["is_reachable"] for point in self.curve["budgets"]]
        self.assertEqual(reachable, [False, True, True, True])

    def test_the_selectors_own_choice_is_beside_them(self):
        self._check(self.curve["selector"], self.logits.argmax(-1), with_selector=True)

    def test_every_level_everywhere_is_beside_them(self):
        for level, point in enumerate(self.curve["levels"]):
            self._check(point, np.full((24, 3), level), with_selector=False)
        self.assertLen(self.curve["levels"], 4)
        self.assertEqual(self.curve["levels"][-1]["macs_share"], 1.0)

    def test_images_are_counted(self):
        self.assertEqual(self.curve["num_images"], 24)

    def test_no_images_are_refused(self):
        with self.assertRaisesRegex(ValueError, "at least one image of task 'grey'"):
            budget_curve(self.network, [], "grey", self.calibration, BUDGETS)


class LargestMissTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((True, True, 0.2), (True, False, 0.1), (False, False, None))
    def test_only_what_is_within_reach_counts(self, first, second, expected):
        curve = {
            "budgets": [
                {"budget": 0.5, "macs_share": 0.4, "is_reachable": first},
                {"budget": 0.7, "macs_share": 0.9, "is_reachable": second},
            ]
        }
        miss = largest_miss(curve)
        if expected is None:
            self.assertIsNone(miss)
        else:
            self.assertAllClose(miss, expected)


if __name__ == "__main__":
    tf.test.main()
