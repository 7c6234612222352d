"""Tests of the optimizers and their rates."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.training.optimizers import OptimizerSettings, apply_gradients
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


class EstimatorOptimizerTest(testing.TestCase):
    @parameterized.parameters(("sgd", 1.9), ("adam", 1.0))
    def test_the_first_step(self, name, expected):
        """Nesterov's momentum of 0.9 makes 1.9 of the first gradient, Adam its sign."""
        optimizer = OptimizerSettings(0.01, optimizer=name).make_optimizer()
        variable = keras.Variable([5.0, 5.0])
        optimizer.build([variable])
        optimizer.apply([tf.constant([1.0, -1.0])], [variable])
        self.assertAllClose(variable, [5 - 0.01 * expected, 5 + 0.01 * expected], rtol=1e-5)

    def test_adam_has_one_rate(self):
        with self.assertRaisesRegex(ValueError, "`head_rate` must be 1 .* head_rate=3"):
            OptimizerSettings(optimizer="adam", head_rate=3.0)


class SelectorOptimizerTest(testing.TestCase):
    def _rates(self, settings, rounds=2, guesses=True):
        stages = StageSchedule(3, rounds=rounds, selector_steps=2, estimator_steps=4)
        rate = settings.selector_rate(stages, num_tasks=2, guesses=guesses)
        optimizer = keras.optimizers.Adam(rate)
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


class ApplyGradientsTest(testing.TestCase):
    """A loss `3 a + 4 b . (1, 1)`, whose gradient has the norm `sqrt(9 + 2 * 16)`."""

    def _step(self, optimizer, **kwargs):
        """Returns by how much the variables fall; they begin at 2, 1 and 1."""
        optimizer = keras.optimizers.get(optimizer)
        self.variables = [keras.Variable(2.0), keras.Variable([1.0, 1.0])]
        optimizer.build(self.variables)
        with tf.GradientTape() as tape:
            loss = 3 * self.variables[0].value + 4 * tf.reduce_sum(self.variables[1].value)
            loss = optimizer.scale_loss(loss * kwargs.pop("times", 1.0))
        apply_gradients(optimizer, tape, loss, self.variables, **kwargs)
        return np.concatenate([[2 - self.variables[0].numpy()], 1 - self.variables[1].numpy()])

    @parameterized.parameters(None, 6.41, 100.0)
    def test_a_short_gradient_is_taken_as_it_is(self, clip_norm):
        self.assertAllClose(self._step(keras.optimizers.SGD(1.0), clip_norm=clip_norm), [3, 4, 4])

    @parameterized.parameters(False, True)
    def test_a_long_one_is_scaled_down_whatever_the_loss_is_scaled_by(self, is_scaled):
        optimizer = keras.optimizers.SGD(1.0)
        if is_scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=2.0**10)
        fall = self._step(optimizer, clip_norm=0.5)
        self.assertAllClose(fall, 0.5 * np.array([3, 4, 4]) / np.sqrt(41), rtol=1e-5)

    def test_l2_is_added_unclipped(self):
        fall = self._step(keras.optimizers.SGD(1.0), clip_norm=0.5, l2=0.25)
        clipped = 0.5 * np.array([3, 4, 4]) / np.sqrt(41)
        self.assertAllClose(fall, clipped + 0.25 * np.array([2, 1, 1]), rtol=1e-5)

    def test_a_scaled_loss_that_overflows_is_no_step(self):
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0), 2.0**10)
        self.assertAllEqual(self._step(optimizer, clip_norm=0.5, times=1e38), [0, 0, 0])
        self.assertAllClose(optimizer.dynamic_scale, 2.0**9)

    def test_the_norm_is_that_of_the_mean_over_devices(self):
        strategy = testing.two_devices()
        with strategy.scope():
            optimizer = keras.optimizers.SGD(1.0)
            variable = keras.Variable([0.0, 0.0])
            optimizer.build([variable])

        @tf.function
        def step():
            device = tf.distribute.get_replica_context().replica_id_in_sync_group
            slopes = tf.gather([[6.0, 0.0], [0.0, 8.0]], device)
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(slopes * variable.value)
            apply_gradients(optimizer, tape, loss, [variable], clip_norm=1.0)

        self.assertEqual(strategy.num_replicas_in_sync, 2)
        strategy.run(step)
        self.assertAllClose(variable, [-0.6, -0.8])
