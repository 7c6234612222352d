import dataclasses

import keras_tuner
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.costs.ratios import validate_block_ratios
from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.training.optimizers import OptimizerSettings
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import StageSchedule
from elastic_tf.tuning import TUNABLES, SearchSpace


def _space(tune, ratios_per_stage=False, schedule=None, method=None, optimizers=None, **network):
    network = NetworkSettings(**({"backbone": "wrn-14-1"} | network))
    return SearchSpace(tune, network, schedule, method, optimizers, ratios_per_stage)


def _defaults(space):
    found = keras_tuner.HyperParameters()
    space.declare(found)
    return found.values


def _draws(space, number):
    """Returns values as KerasTuner's random search draws them, a list of dicts."""
    hyperparameters = keras_tuner.HyperParameters()
    space.declare(hyperparameters)
    oracle = keras_tuner.oracles.RandomSearchOracle(
        keras_tuner.Objective("score", "max"), number, seed=1, hyperparameters=hyperparameters
    )
    found = [oracle.populate_space(str(index))["values"] for index in range(number)]
    return [values for values in found if values]


class SearchSpaceTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*TUNABLES)
    def test_every_tunable_has_a_range_of_values_that_it_can_have(self, name):
        optimizers = OptimizerSettings(learning_rate=0.25)
        space = _space({name: None}, optimizers=optimizers)
        section, _ = TUNABLES[name]
        found = {space.settings(values)[section] for values in _draws(space, 6)}
        self.assertGreater(len(found), 1)
        for settings in found:
            changed = {
                field.name
                for field in dataclasses.fields(settings)
                if getattr(settings, field.name) != getattr(space.given[section], field.name)
            }
            self.assertLessEqual(changed, {name, "target_macs"})

    @parameterized.product(
        backbone=["wrn-14-1", "vgg-8-8"],
        narrowing=["0.05..0.95", "0.95..0.95", "0.05", "0.3,0.6"],
        ratios_per_stage=[False, True],
    )
    def test_drawn_ratios_are_always_a_hierarchy(self, backbone, narrowing, ratios_per_stage):
        tune = {"num_levels": "2..6", "ratios": narrowing}
        space = _space(tune, ratios_per_stage, backbone=backbone)
        blocks, residual = space.backbone.num_blocks, space.backbone.residual
        lengths = set()
        for values in _draws(space, 20):
            network = space.settings(values)["network"]
            ratios = validate_block_ratios(network.arguments()["ratios"], blocks, residual)
            self.assertEqual({len(each) for each in ratios}, {values["num_levels"]})
            lengths.add(values["num_levels"])
            names = {name.split("narrowing_")[1] for name in values if "narrowing" in name}
            free = values["num_levels"] - (2 if residual else 1)
            self.assertEqual(names, {str(k) for k in range(1, free + 1)})
        self.assertGreaterEqual(len(lengths), 4)

    def test_ratios_are_the_products_of_the_narrowings(self):
        space = _space({"num_levels": "4", "ratios": "0.25..0.75"})
        values = {"num_levels": 4, "narrowing_1": 0.5, "narrowing_2": 0.25}
        self.assertEqual(space.settings(values)["network"].ratios, (0, 0.125, 0.5, 1))

    def test_a_stage_has_ratios_of_its_own(self):
        space = _space({"ratios": None}, ratios_per_stage=True, num_levels=3)
        values = {f"stage_{stage}_narrowing_1": stage / 8 for stage in (1, 2, 3)}
        ratios = space.settings(values)["network"].ratios
        self.assertAllClose(np.array(ratios)[:, 1], [1 / 8, 1 / 8, 2 / 8, 2 / 8, 3 / 8, 3 / 8])

    @parameterized.parameters(None, ((0, 0.1, 0.123456, 1),))
    def test_defaults_are_the_given_settings(self, ratios):
        space = _space(
            {"num_levels": "2..5", "ratios": "0.1..0.95", "learning_rate": "0.05..1"},
            ratios=ratios,
            optimizers=OptimizerSettings(learning_rate=0.123456),
        )
        self.assertEqual(space.settings(_defaults(space)), space.given)

    def test_what_is_drawn_has_four_digits(self):
        space = _space({"learning_rate": None, "num_levels": "2,4"})
        found = space.settings({"learning_rate": 0.123456, "num_levels": 2})
        self.assertEqual(found["optimizers"].learning_rate, 0.1235)
        self.assertEqual(found["network"].num_levels, 2)

    def test_a_value_that_is_given_for_tasks_apart_starts_in_the_middle(self):
        method = MethodSettings(target_macs={"grey": 0.3})
        space = _space({"target_macs": "0.25..0.75"}, method=method)
        self.assertEqual(_defaults(space), {"target_macs": 0.5})

    def test_a_price_takes_a_target_back(self):
        space = _space({"price": "0.5..2"}, method=MethodSettings(target_macs=0.5))
        method = space.settings({"price": 0.75})["method"]
        self.assertEqual((method.price, method.target_macs), (0.75, None))

    def test_rates_are_drawn_by_their_logarithm(self):
        space = _space({"learning_rate": "0.01..0.3", "num_levels": "2..40"})
        values = np.array([each["learning_rate"] for each in _draws(space, 60)])
        self.assertAllInRange(values, 0.01, 0.3)
        self.assertBetween(np.mean(values < np.sqrt(0.01 * 0.3)), 0.3, 0.7)

    def test_multiples_are_of_the_given_schedule(self):
        space = _space({"initial_steps": None}, schedule=StageSchedule(initial_steps=100))
        expected = {"initial_steps": [50, 150], "ratios_per_stage": False}
        self.assertEqual(space.describe(), expected)

    @parameterized.parameters(
        ({"depth": None}, {}, "`tune` must be of num_levels, .* Received: depth"),
        ({}, {}, "`tune` must name something"),
        ({"num_levels": "1..4"}, {}, "`num_levels` must be an integer >= 2. Received: .*=1"),
        ({"num_levels": "4..2"}, {}, "`tune_num_levels` must be LOW..HIGH"),
        ({"ratios": "0.5..1"}, {}, "`tune_ratios` must be .*0.95.. Received: 0.5..1.0"),
        ({"price": "1..2", "target_macs": "0.5"}, {}, "must not hold both price and target"),
        ({"num_levels": "2..3"}, {"ratios": (0, 1)}, "`ratios` must not be given"),
        ({"num_levels": None}, {"ratios_per_stage": True}, "`ratios_per_stage` needs ratios in"),
    )
    def test_refuses(self, tune, given, message):
        with self.assertRaisesRegex(ValueError, message):
            _space(tune, **given)
