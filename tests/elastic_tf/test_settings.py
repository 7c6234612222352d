"""Tests of all settings: defaults, ranges, the paper's values, configs."""

import dataclasses
import json

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.settings import Settings, check_integer, describe_range, setting
from elastic_tf.training.optimizers import OptimizerSettings
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import StageSchedule
from tests import testing

CLASSES = (NetworkSettings, StageSchedule, MethodSettings, OptimizerSettings)
FIELDS = [
    (f"{cls.__name__}_{field.name}", cls, field)
    for cls in CLASSES
    for field in dataclasses.fields(cls)
]


def wrong_values(known):
    """Returns values just beyond what a field's metadata allows, or of another type."""
    if "choices" in known:
        return ["other", None]
    wrong = {int: [1.5, True, "1"], float: ["a", True, float("nan")], str: [3], object: [3]}
    values = list(wrong[known["kind"]])
    values += [known[bound] for bound in ("above", "below") if bound in known]
    values += [known["low"] - 1] if "low" in known else []
    return values + ([known["high"] + 1] if "high" in known else [])


class EpsilonTest(testing.TestCase):
    @parameterized.parameters((0.0, 0, 0.0), (0.0, 3, 0.0), (0.9, 0, 1.0), (0.9, 3, 0.729))
    def test_exploration_decays_and_without_decay_there_is_none(self, decay, step, expected):
        epsilon = MethodSettings(epsilon_decay=decay).epsilon(tf.constant(step, tf.int64))
        self.assertAllClose(epsilon, expected)


class CheckIntegerTest(testing.TestCase):
    @parameterized.parameters(3, np.int64(3), np.uint8(3))
    def test_integers_of_any_type_become_ints(self, value):
        self.assertIs(type(check_integer("size", value, 3)), int)

    @parameterized.parameters(2, True, 3.0, "3", None)
    def test_the_rest_is_named(self, value):
        with self.assertRaisesRegex(ValueError, f"`size` must be an integer >= 3.*size={value!r}"):
            check_integer("size", value, 3)


class EverySettingTest(testing.TestCase):
    @parameterized.named_parameters(*FIELDS)
    def test_it_says_what_it_is_and_refuses_the_rest(self, cls, field):
        known = field.metadata
        self.assertEndsWith(known["help"], ".")
        self.assertEqual(cls(**{field.name: field.default}), cls())
        for wrong in wrong_values(known):
            shapes = [(wrong,)] if known.get("is_list") else [wrong]
            shapes += [{"a": wrong}] if known.get("per_task") else []
            for value in shapes:
                self.run_refusal_test(cls, {}, field.name, value)

    @parameterized.parameters(*CLASSES)
    def test_configs_come_back_also_from_json(self, cls):
        self.run_config_test(cls, {})
        paper = cls.paper()
        self.assertEqual(cls.from_config(json.loads(json.dumps(paper.get_config()))), paper)

    def test_values_come_back_as_they_were(self):
        for settings in (
            NetworkSettings("wrn-8-1", ratios=((0.0, 1.0),) * 3),
            NetworkSettings(ratios=(0.0, 0.5, 1.0)),
            MethodSettings(price=3.0, l2={"a": 0.5}, target_macs={"a": 0.4, "b": None}),
            OptimizerSettings(initial_decay_at=(0.4,), round_decay_after=()),
        ):
            config = json.loads(json.dumps(settings.get_config()))
            self.assertEqual(type(settings).from_config(config), settings)

    @parameterized.parameters(
        ({"kind": int, "low": 1}, "an integer >= 1"),
        ({"kind": float, "above": 0.0}, "a number above 0.0"),
        ({"kind": float, "low": 0.0, "high": 1.0}, "a number in [0.0, 1.0]"),
        ({"kind": float, "above": 0.0, "high": 1.0}, "a number in (0.0, 1.0]"),
        ({"kind": float, "above": 0.0, "below": 1.0}, "a number in (0.0, 1.0)"),
        ({"kind": str, "choices": ("a", "b")}, "one of ('a', 'b')"),
        ({"kind": bool}, "a bool"),
    )
    def test_ranges_in_words(self, known, words):
        self.assertEqual(describe_range(known), words)

    def test_a_new_setting_is_a_field(self):
        @dataclasses.dataclass(frozen=True)
        class Own(Settings):
            shuffles: bool = setting(True, "Whether to shuffle.", bool, paper=False)

        self.assertEqual((Own().shuffles, Own.paper().shuffles), (True, False))
        self.run_refusal_test(Own, {}, "shuffles", 1)


# As the authors' program has them.
PAPER = {
    NetworkSettings: {"selector_features": "pooled", "num_levels": 4, "ratios": None},
    StageSchedule: {
        "initial_steps": 78_200,
        "rounds": 10,
        "selector_steps": 4_693,
        "estimator_steps": 15_642,
    },
    OptimizerSettings: {
        "learning_rate": 0.1,
        "learning_rate_shape": "step",
        "alternation_learning_rate": 0.1,
        "initial_decay_at": (0.5, 0.75),
        "round_decay_after": (3, 6),
        "learning_rate_decay": 0.1,
        "clip_norm": None,
        "selector_learning_rate": 1e-3,
    },
    MethodSettings: {
        "initial_distribution": "proposed",
        "full_share": 0.75,
        "initial_mix": 0.0,
        "priced_mix": 0.0,
        "estimator_choice": "greedy",
        "distillation_weight": 0.0,
        "label_smoothing": 0.0,
        "l2": 1e-4,
        "loss_weight": 1.0,
        "cost": "density",
        "credit": "batch",
        "cost_exponent": 2.0,
        "price": 0.1,
        "target_macs": None,
        "selector_gradient": "reinforce",
        "baseline": "none",
        "samples_per_image": 1,
        "entropy_weight": 0.0,
        "exploration_weight": 0.0,
        "guess_weight": 0.0,
        "epsilon_decay": 0.99,
    },
}


class PaperTest(testing.TestCase):
    @parameterized.parameters(*CLASSES)
    def test_it_has_the_authors_values(self, cls):
        config = cls.paper().get_config()
        self.assertEqual({name: config[name] for name in PAPER[cls]}, PAPER[cls])

    def test_single_points_can_be_changed(self):
        changed = MethodSettings.paper(credit="instance")
        self.assertEqual((changed.credit, changed.baseline), ("instance", "none"))


class TogetherTest(testing.TestCase):
    def test_what_is_given_per_task(self):
        settings = MethodSettings(
            l2={"a": 1e-4}, loss_weight={"a": 0.5}, target_macs={"a": 0.4, "b": None}
        )
        self.assertEqual([settings.l2_of(task) for task in "abc"], [1e-4, 0.0, 0.0])
        self.assertEqual([settings.loss_weight_of(task) for task in "abc"], [0.5, 1.0, 1.0])
        self.assertEqual([settings.target_macs_of(task) for task in "abc"], [0.4, None, None])
        settings = MethodSettings(l2=0.1, loss_weight=2.0, target_macs=0.3)
        values = settings.l2_of("a"), settings.loss_weight_of("a"), settings.target_macs_of("a")
        self.assertEqual(values, (0.1, 2.0, 0.3))

    @parameterized.parameters(
        (MethodSettings, {"target_macs": {"a": 0.4}, "target_scope": "all"}, "one number"),
        (MethodSettings, {"samples_per_image": 1}, "an integer >= 2"),
        (
            MethodSettings,
            {"selector_gradient": "reinforce", "samples_per_image": 1},
            "`samples_per_image` must be an integer >= 2 .* baseline=leave_one_out",
        ),
        (NetworkSettings, {"backbone": "dense-3"}, "`backbone` must look like"),
        (NetworkSettings, {"ratios": (0.5, 1.0)}, "must start with 0.0"),
        (NetworkSettings, {"ratios": ((0, 1), (0, 1))}, "must hold 15 lists"),
    )
    def test_what_does_not_go_together_is_refused(self, cls, values, fault):
        with self.assertRaisesRegex(ValueError, f"{fault}.*Received: "):
            cls(**values)

    def test_one_sample_is_enough_where_none_are_compared(self):
        for gradient, baseline in (("gumbel", "leave_one_out"), ("reinforce", "none")):
            MethodSettings(selector_gradient=gradient, baseline=baseline, samples_per_image=1)

    def test_the_networks_arguments_have_ratios_for_the_number_of_levels(self):
        for settings, expected in (
            (NetworkSettings(num_levels=3), (0.0, 0.5, 1.0)),
            (NetworkSettings("vgg-8-4", num_levels=2), (0.5, 1.0)),
            (NetworkSettings(ratios=(0.0, 0.3, 1.0)), (0.0, 0.3, 1.0)),
        ):
            arguments = settings.arguments()
            self.assertEqual(arguments["ratios"], expected)
            self.assertNotIn("num_levels", arguments)
