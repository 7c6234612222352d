import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.training.learning_rates import StagedLearningRate
from elastic_tf.training.stages import StageSchedule


class StagedLearningRateTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (0, 0.1),
        (39_099, 0.1),
        (39_100, 0.01),
        (58_650, 0.001),
        (78_199, 0.001),
        (78_200 + 4_693, 0.1),
        (78_200 + 3 * (4_693 + 15_642) - 1, 0.1),
        (78_200 + 3 * (4_693 + 15_642) + 4_693, 0.01),
        (78_200 + 6 * (4_693 + 15_642) + 4_693, 0.001),
    )
    def test_defaults_are_the_papers(self, step, expected):
        stage = StageSchedule()(step)
        self.assertAllClose(StagedLearningRate()(stage, StageSchedule()), expected)

    def test_a_cosine_falls_to_zero_over_the_estimators_updates(self):
        stages = StageSchedule(4, rounds=3, selector_steps=2, estimator_steps=3)
        rate = StagedLearningRate(0.2, shape="cosine")
        updates = [0, 1, 2, 3, 6, 7, 8, 11, 12, 13]  # The other steps are the selector's.
        rates = [rate(stages(step), stages) for step in updates]
        expected = [0.1 * (1 + np.cos(np.pi * update / 10)) for update in range(10)]
        self.assertAllClose(rates, expected)

    @parameterized.parameters(0, 1)
    def test_a_cosine_without_updates_in_the_alternation(self, rounds):
        stages = StageSchedule(4, rounds=rounds)
        rate = StagedLearningRate(0.2, shape="cosine")
        self.assertAllClose(rate(stages(2), stages), 0.1)

    @parameterized.parameters(
        ("initial_rate", 0.0),
        ("alternation_rate", -1.0),
        ("decay", 0.0),
        ("initial_decay_at", (1.5,)),
        ("round_decay_after", (0,)),
        ("shape", "linear"),
    )
    def test_bad_arguments_are_named(self, name, value):
        with self.assertRaisesRegex(ValueError, f"`{name}` must"):
            StagedLearningRate(**{name: value})

    def test_config_round_trip(self):
        config = {
            "initial_rate": 0.2,
            "alternation_rate": 0.05,
            "initial_decay_at": (0.4,),
            "round_decay_after": (1, 2),
            "decay": 0.5,
            "shape": "cosine",
        }
        self.assertEqual(StagedLearningRate.from_config(config).get_config(), config)


if __name__ == "__main__":
    tf.test.main()
