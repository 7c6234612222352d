"""Tests of what keeps its weights while the rest trains."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.optimizers import OptimizerSettings
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import StageSchedule
from tests import testing
from tests.testing import TASKS, random_batch

STAGES = StageSchedule(5, rounds=1)


class FreezeTest(testing.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        keras.utils.set_random_seed(0)
        cls.model = DeepElasticNetwork(
            TASKS, backbone="wrn-8-1", ratios=(0.0, 1.0), trunk_size=4, seed=5
        )
        cls.initial = cls.model.get_weights()
        cls.data = tf.data.Dataset.from_tensors(random_batch(("grey",)))

    def _step(self, stages=STAGES, freeze="none", head_rate=1.0):
        """Trains a step; returns for each of the estimator's weights of the task how it moved."""
        self.model.set_weights(self.initial)
        optimizers = OptimizerSettings(head_rate=head_rate)
        method = MethodSettings(freeze=freeze, l2=0.0)
        self.model.compile(stages, method, optimizers, run_eagerly=True)
        weights = [w for w in self.model.estimator.weights if "colour" not in w.path]
        before = [np.array(weight) for weight in weights]
        self.model.fit(self.data, verbose=0)
        return {w.path: np.array(w) - old for w, old in zip(weights, before, strict=True)}

    @parameterized.parameters(
        ("none", ()),
        ("norms", ("gamma", "beta", "moving_mean", "moving_variance")),
        ("early", ("grey_stem/.*(kernel|gamma|beta)", "block1/.*(kernel|gamma|beta)")),
        ("trunk", ("block./.*(kernel|gamma|beta)",)),
    )
    def test_what_is_frozen_stays_and_nothing_else(self, freeze, frozen):
        moved = self._step(freeze=freeze)
        for path, change in moved.items():
            stays = any(tf.strings.regex_full_match(path, f".*{each}.*") for each in frozen)
            stays = stays and not (freeze == "norms" and "grey_head" in path)
            self.assertEqual(np.any(change != 0), not stays, path)

    def test_frozen_norms_use_their_averages_in_training(self):
        self._step(freeze="norms")
        images, _ = random_batch(("grey",))["grey"]
        stem = self.model.estimator.stems["grey"]
        self.assertAllEqual(stem(images, training=True), stem(images))
        self._step(freeze="none")
        self.assertNotAllClose(stem(images, training=True), stem(images), atol=1e-3)

    def test_heads_may_have_a_rate_of_their_own(self):
        once, thrice = self._step(), self._step(head_rate=3.0)
        for path, change in once.items():
            factor = 3.0 if "grey_head/linear" in path else 1.0
            self.assertAllClose(thrice[path], factor * change, rtol=1e-4, atol=1e-7)
