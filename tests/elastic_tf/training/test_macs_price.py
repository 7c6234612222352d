"""Tests of the price of MACs."""

import numpy as np
from absl.testing import parameterized

from elastic_tf.training.macs_price import MacsPrice
from elastic_tf.training.settings import MethodSettings
from tests import testing


def make_price(start=0.1, **settings):
    settings = MethodSettings(price=start, **settings)
    price = MacsPrice(["a", "b"])
    price.reset(settings)
    return price, settings


class MacsPriceTest(testing.TestCase):
    def test_without_a_target_it_stays(self):
        price, settings = make_price(0.25)
        price.adapt("a", 0.9, settings)
        self.assertAllClose([price.of("a"), price.of("b")], [0.25, 0.25])

    @parameterized.parameters((0.9, 1), (0.1, -1), (0.5, 0))
    def test_it_rises_where_the_choice_is_too_dear(self, share, direction):
        price, settings = make_price(0.25, target_macs=0.5)
        price.adapt("a", share, settings)
        self.assertEqual(np.sign(float(price.of("a")) - 0.25), direction)
        self.assertAllClose(price.of("b"), 0.25)

    def test_a_share_on_target_stops_it(self):
        price, settings = make_price(target_macs={"a": 0.4})
        for _ in range(300):
            price.adapt("a", 0.4 if float(price.of("a")) > 0.5 else 0.8, settings)
        self.assertBetween(float(price.of("a")), 0.5, 0.9)

    def test_the_tasks_go_a_part_of_the_way_each(self):
        alone, one = make_price(target_macs=0.5)
        together, all_tasks = make_price(target_macs=0.5, target_scope="all")
        alone.adapt("a", 0.9, one)
        for task in ("a", "b"):
            together.adapt(task, 0.9, all_tasks)
        # The mean is 0.54 / 2 + 0.5 / 2 at the first of the two, 0.54 at the second.
        rises = [np.log(float(price.of("a")) / 0.1) for price in (alone, together)]
        self.assertAllClose(rises, [0.05 * 0.08, 0.05 * (0.04 + 0.08) / 2], rtol=1e-3)

    def test_all_tasks_follow_their_mean(self):
        price, settings = make_price(target_macs=0.5, target_scope="all")
        for _ in range(100):
            price.adapt("a", 0.8, settings)
            price.adapt("b", 0.2, settings)
        self.assertAllClose(price.of("a"), price.of("b"))
        self.assertAllClose(price.of("a"), 0.1, rtol=0.05)

    @parameterized.parameters((1.0, 10.0), (0.0, 1e-3))
    def test_it_stays_within_bounds(self, share, bound):
        price, settings = make_price(target_macs=0.5)
        for _ in range(300):
            price.adapt("a", share, settings)
        self.assertAllClose(price.of("a"), bound)

    def test_config(self):
        self.run_config_test(MacsPrice, {"tasks": ["a", "b"]})
