"""Tests of the optimizers and their rates."""

import numpy as np
from absl.testing import parameterized

from elastic_tf.training.optimizers import OptimizerSettings
from elastic_tf.training.stages import StageSchedule
from tests import testing


class EstimatorRateTest(testing.TestCase):
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
    def test_the_papers_steps(self, step, expected):
        stages = StageSchedule()
        rate = OptimizerSettings.paper().estimator_rate(stages(step), stages)
        self.assertAllClose(rate, expected)

    def test_a_cosine_falls_to_zero_over_the_estimators_updates(self):
        stages = StageSchedule(4, rounds=3, selector_steps=2, estimator_steps=3)
        settings = OptimizerSettings(0.2)
        updates = [0, 1, 2, 3, 6, 7, 8, 11, 12, 13]  # The other steps are the selector's.
        rates = [settings.estimator_rate(stages(step), stages) for step in updates]
        expected = [0.1 * (1 + np.cos(np.pi * update / 10)) for update in range(10)]
        self.assertAllClose(rates, expected)

    @parameterized.parameters(0, 1)
    def test_a_cosine_without_updates_in_the_alternation(self, rounds):
        stages = StageSchedule(4, rounds=rounds)
        self.assertAllClose(OptimizerSettings(0.2).estimator_rate(stages(2), stages), 0.1)


class SelectorOptimizerTest(testing.TestCase):
    def _rates(self, settings, rounds=2, guesses=True):
        stages = StageSchedule(3, rounds=rounds, selector_steps=2, estimator_steps=4)
        optimizer = settings.make_selector_optimizer(stages, num_tasks=2, guesses=guesses)
        rates = []
        for update in range(2 * (3 + 2 + 4 + 2)):
            optimizer.iterations.assign(update)
            rates.append(float(optimizer.learning_rate))
        return rates

    def test_a_cosine_begins_with_the_alternation_and_counts_the_guess(self):
        rates = self._rates(OptimizerSettings(selector_learning_rate=0.5))
        falling = [0.25 * (1 + np.cos(np.pi * update / 16)) for update in range(16)]
        self.assertAllClose(rates, [0.5] * 6 + falling, rtol=1e-5)

    def test_without_a_guess_only_its_own_steps_count(self):
        rates = self._rates(OptimizerSettings(selector_learning_rate=0.5), guesses=False)
        falling = [0.25 * (1 + np.cos(np.pi * update / 8)) for update in range(8)]
        self.assertAllClose(rates[:8], falling, rtol=1e-5, atol=1e-6)

    def test_otherwise_it_is_constant(self):
        for settings, rounds in ((OptimizerSettings.paper(), 2), (OptimizerSettings(), 0)):
            self.assertAllClose(self._rates(settings, rounds), [1e-3] * 22)
