"""Tests of networks that compute in less than float32."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_network import FrozenNetwork
from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.models.precision import fastest_policy, has_bfloat16_units
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.stages import StageSchedule
from tests import testing
from tests.testing import TASKS, random_batch, random_images, random_levels

KWARGS = {
    "tasks": {"grey": TASKS["grey"]},
    "backbone": "wrn-8-1",
    "ratios": (0.0, 1.0),  # Few groups: graphs are made faster.
    "trunk_size": 4,
}
STAGES = StageSchedule(2, rounds=2, selector_steps=1, estimator_steps=1)


def optimizer_kinds(optimizer):
    """Returns the classes of an optimizer and of those within it, a list."""
    inner = getattr(optimizer, "inner_optimizer", None)
    return [type(optimizer)] + (optimizer_kinds(inner) if inner else [])


class PrecisionTest(testing.TestCase):
    def tearDown(self):
        keras.config.set_dtype_policy("float32")
        super().tearDown()

    @parameterized.parameters("mixed_bfloat16", "mixed_float16")
    @pytest.mark.slow
    def test_a_network_trains_saves_and_predicts_in_keras_policy(self, policy):
        keras.config.set_dtype_policy(policy)
        model = DeepElasticNetwork(**KWARGS)
        model.compile(STAGES)
        self.assertEqual(model.estimator.blocks[0].conv1.compute_dtype, policy[6:])
        before = [np.array(variable) for variable in model.estimator.trainable_variables]
        data = [random_batch(("grey",), batch=8, seed=step) for step in range(5)]
        batches = tf.data.Dataset.from_tensor_slices(
            {"grey": tuple(tf.stack([of["grey"][part] for of in data]) for part in (0, 1))}
        )
        history = model.fit(batches, verbose=0, shuffle=False).history
        self.assertAllInRange(history["grey_loss"], 0.0, 10.0)
        for old, variable in zip(before, model.estimator.trainable_variables, strict=True):
            self.assertEqual(variable.dtype, "float32")
            self.assertNotAllEqual(old, variable)
        keras.config.set_dtype_policy("float32")
        path = os.path.join(self.get_temp_dir(), "model.keras")
        model.save(path)
        loaded = keras.saving.load_model(path)
        self.assertEqual(loaded.dtype_policy.name, policy)
        for name in ("optimizer", "selector_optimizer"):  # Not scaled once more.
            kinds = [optimizer_kinds(getattr(of, name)) for of in (loaded, model)]
            self.assertEqual(*kinds)
        self._check_answers(loaded, policy[6:])

    def _check_answers(self, model, dtype):
        """They are float32, near those in float32, and the frozen network's are the same."""
        images, levels = random_images(batch=9), random_levels(model, 9)
        exact = DeepElasticNetwork(**KWARGS)
        exact.estimator.set_weights(model.estimator.get_weights())
        frozen = FrozenNetwork(model, "grey")
        self.assertEqual(frozen.estimator(images, levels).dtype, tf.float32)
        expected = exact.estimator(images, levels=levels, task="grey")
        tolerance = 0.05 * np.abs(expected).max()
        for actual in (
            model.estimator(images, levels=levels, task="grey"),
            frozen.estimator(images, levels),
        ):
            self.assertNotAllEqual(actual, expected)
            self.assertAllClose(actual, expected, atol=tolerance)
        exactly = FrozenNetwork(model, "grey", dtype="float32").estimator(images, levels)
        self.assertAllClose(exactly, expected, rtol=1e-4, atol=1e-4)
        self.assertEqual(model.selector(images, task="grey").dtype, tf.float32)

    @parameterized.parameters("float64", "bfloat16")
    def test_other_policies_are_one_line(self, policy):
        with self.assertRaisesRegex(ValueError, f"`dtype`.* must be one of .*dtype={policy}"):
            DeepElasticNetwork(**KWARGS, dtype=policy)

    def test_the_setting_decides_the_policy(self):
        self.assertEqual(NetworkSettings().arguments()["dtype"], "float32")
        settings = NetworkSettings(precision="mixed_bfloat16")
        self.assertEqual(settings.arguments()["dtype"], "mixed_bfloat16")
        self.assertEqual(NetworkSettings(precision="auto").arguments()["dtype"], fastest_policy())

    @parameterized.parameters(("flags : avx512f amx_bf16 amx_tile", True), ("flags : avx2", False))
    def test_units_for_bfloat16_are_read_off_the_processors_flags(self, text, expected):
        path = os.path.join(self.get_temp_dir(), "cpuinfo")
        self.assertFalse(has_bfloat16_units(path))
        with open(path, "w") as file:
            file.write(text)
        self.assertEqual(has_bfloat16_units(path), expected)
