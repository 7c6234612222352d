import types

import numpy as np
import tensorflow as tf

from elastic_tf.models.elastic_network import ElasticNetwork
from tests.testing import TASKS, random_images, randomise
from tools.exporting.check_export import largest_difference
from tools.model_choice import ModelChoice

LEVELS = (1, 0, 2)


class CheckExportTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)
        randomise(cls.network.estimator)
        cls.images = random_images("grey", 6)
        levels = tf.tile([LEVELS], (6, 1))
        logits = cls.network.estimator(cls.images, levels=levels, task="grey")
        cls.probabilities = tf.nn.softmax(logits).numpy()

    def _difference(self, probabilities, levels=LEVELS):
        answer = {"probabilities": probabilities, "levels": np.tile(levels, (6, 1))}
        export = types.SimpleNamespace(
            task="grey", manifest={"input_dtype": "uint8"}, predict=lambda images: answer
        )
        return largest_difference(export, self.network, ModelChoice(LEVELS), self.images)

    def test_the_same_answers_have_no_difference(self):
        self.assertLess(self._difference(self.probabilities), 1e-6)

    def test_the_largest_difference_counts(self):
        changed = self.probabilities.copy()
        changed[3, 1] += 0.25
        self.assertAllClose(self._difference(changed), 0.25, atol=1e-5)

    def test_other_levels_are_refused(self):
        with self.assertRaisesRegex(RuntimeError, "gives other levels .* for 6 of 6 images"):
            self._difference(self.probabilities, (1, 1, 2))


if __name__ == "__main__":
    tf.test.main()
