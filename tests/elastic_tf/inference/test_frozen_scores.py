import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_scores import FrozenScores
from elastic_tf.layers.level_scores import FEATURES, LevelScores
from tests.testing import randomise


class FrozenScoresTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(features=FEATURES, task=("a", "b"))
    def test_they_are_the_scores(self, features, task):
        scores = LevelScores({"a": 5, "b": 3}, 2, 3, features=features)
        scores.build((None, 4))
        randomise(scores)
        pooled = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
        actual = tf.function(FrozenScores(scores, task))(pooled)
        expected, _ = scores(pooled, task=task)
        self.assertAllClose(tf.reshape(actual, (6, 2, 3)), expected, rtol=1e-4, atol=1e-4)


if __name__ == "__main__":
    tf.test.main()
