""""""

import keras_tuner
import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.flag_values import parse_ratios

from elastic_tf.costs.ratios import validate_block_ratios
from elastic_tf.tuning.ranges import TUNABLES, parse_range
from elastic_tf.tuning.search_space import SearchSpace

GIVEN = {
    "backbone": "wrn-14-1",
    "num_levels": 4,
    "ratios": None,
    "target_macs": None,
    "rho": 1.0,
    "learning_rate": 0.1,
    "selector_hidden_ratio": 0.25,
    "initial_steps": 100,
    "rounds": 2,
    "selector_steps": 10,
    "estimator_steps": 20,
}


def _space(per_stage=False, given=None, **ranges):
    parsed = {name: parse_range(text, TUNABLES[name].kind) for name, text in ranges.items()}
    return SearchSpace(parsed, GIVEN | (given or {}), per_stage)


def _defaults(space):
    found = keras_tuner.HyperParameters()
    space.declare(found)
    return found


def _draws(space, number=60):
    """Returns values as KerasTuner's random search draws them."""
    oracle = keras_tuner.oracles.RandomSearchOracle(
        keras_tuner.Objective("score", "max"), number, seed=1, hyperparameters=_defaults(space)
    )
    return [oracle._random_values() for _ in range(number)]


def _ratios(flags):
    (text,) = [flag.removeprefix("--ratios=") for flag in flags if flag.startswith("--ratios=")]
    return parse_ratios(text)


class SearchSpaceTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(
        backbone=["wrn-14-1", "vgg-8-8"],
        narrowing=["0.05..0.95", "0.95..0.95", "0.05", "0.3,0.6"],
        per_stage=[False, True],
    )
    def test_drawn_ratios_are_always_a_hierarchy(self, backbone, narrowing, per_stage):
        space = _space(per_stage, {"backbone": backbone}, levels="2..6", ratios=narrowing)
        blocks, residual = space.backbone.num_blocks, space.backbone.residual
        lengths = set()
        for values in _draws(space, 20):
            ratios = validate_block_ratios(_ratios(space.flags(values)), blocks, residual)
            self.assertEqual({len(each) for each in ratios}, {values["levels"]})
            lengths.add(values["levels"])
        self.assertGreaterEqual(len(lengths), 4)

    def test_ratios_are_the_products_of_the_narrowings(self):
        space = _space(levels="4", ratios="0.25..0.75")
        flags = space.flags({"levels": 4, "narrowing_1": 0.5, "narrowing_2": 0.25})
        self.assertEqual(flags, ["--ratios=0,0.125,0.5,1"])

    def test_a_stage_has_ratios_of_its_own(self):
        space = _space(per_stage=True, ratios="0.25..0.75", given={"num_levels": 3})
        values = {f"stage_{stage}_narrowing_1": stage / 8 for stage in (1, 2, 3)}
        ratios = _ratios(space.flags(values))
        self.assertAllClose(np.array(ratios)[:, 1], [1 / 8, 1 / 8, 2 / 8, 2 / 8, 3 / 8, 3 / 8])

    def test_narrowings_are_active_for_the_levels_that_there_are(self):
        space = _space(levels="2..5", ratios="0.25..0.75")
        for values in _draws(space, 20):
            names = {name for name in values if name.startswith("narrowing")}
            self.assertEqual(names, {f"narrowing_{k}" for k in range(1, values["levels"] - 1)})

    def test_defaults_are_the_given_settings(self):
        space = _space(
            given={"ratios": "0,0.1,0.4,1"},
            levels="2..5",
            ratios="0.2..0.8",
            learning_rate="0.05..1",
        )
        flags = space.flags(_defaults(space).values)
        self.assertAllClose(_ratios(flags), [0, 0.1, 0.4, 1])
        self.assertIn("--learning_rate=0.1", flags)

    def test_a_default_outside_the_range_is_its_nearest_end(self):
        self.assertEqual(
            _defaults(_space(learning_rate="0.2..0.4", levels="5..6")).values,
            {"learning_rate": 0.2, "levels": 5},
        )

    def test_levels_alone_are_a_number(self):
        space = _space(levels="2,4")
        self.assertEqual(
            {flag for v in _draws(space, 2) for flag in space.flags(v)},
            {
                "--num_levels=2",
                "--num_levels=4",
            },
        )

    def test_rho_takes_a_target_back(self):
        self.assertEqual(
            _space(rho="0.5..2").flags({"rho": 0.75}), ["--rho=0.75", "--target_macs=none"]
        )

    @parameterized.parameters(("0.01..0.3", "log"), ("0.01,0.02", "choice"), ("0.25", "fixed"))
    def test_what_is_drawn_is_in_the_range(self, text, kind):
        allowed = parse_range(text, float)
        values = [
            each["learning_rate"] for each in _draws(_space(learning_rate=text, levels="2..40"))
        ]
        self.assertBetween(min(values), allowed.low, allowed.high)
        self.assertBetween(max(values), allowed.low, allowed.high)
        if kind == "log":  # Half of them below the geometric mean.
            below = np.mean(np.array(values) < np.sqrt(0.01 * 0.3))
            self.assertBetween(below, 0.3, 0.7)

    def test_total_steps_follow_the_schedule(self):
        space = _space(initial_steps="50..80", rounds="1..3")
        self.assertEqual(
            space.total_steps({"initial_steps": 60, "rounds": 3}), 60 + 3 * 10 + 2 * 20
        )
        self.assertEqual(_space(rho="1..2").total_steps({}), 100 + 2 * 10 + 20)

    @parameterized.parameters(
        ({"levels": "1..4"}, {}, False, "`--tune_levels` must be of numbers of at least 2."),
        ({"ratios": "0.5..1"}, {}, False, "`--tune_ratios` .* at most 0.95. Received: 0.5..1.0"),
        ({"rho": "1..2", "target_macs": "0.5"}, {}, False, "must not hold both rho and target"),
        ({"levels": "2..3"}, {"ratios": "0,1"}, False, "`--ratios` must not be given"),
        ({"levels": "2..3"}, {}, True, "`--ratios_per_stage` needs ratios in `--tune`"),
    )
    def test_refuses(self, ranges, given, per_stage, message):
        with self.assertRaisesRegex(ValueError, message):
            _space(per_stage, given, **ranges)


if __name__ == "__main__":
    tf.test.main()
