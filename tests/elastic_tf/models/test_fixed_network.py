import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.models.estimator import Estimator
from elastic_tf.models.fixed_network import fixed_network
from tests.testing import TASKS, random_images, randomise


def make_estimator(backbone="wrn-8-1", **options):
    estimator = Estimator(TASKS, backbone=backbone, trunk_size=4, **options)
    randomise(estimator)
    return estimator


class FixedNetworkTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(
        backbone=("wrn-8-1", "wrn-14-1", "resnet-10-8", "vgg-8-8"),
        task=tuple(TASKS),
        level=(0, 1, 3),
    )
    def test_a_uniform_level_gives_the_estimators_logits(self, backbone, task, level):
        estimator = make_estimator(backbone)
        levels = [level] * estimator.num_blocks
        self._check(estimator, task, levels)

    @parameterized.parameters(*TASKS)
    def test_any_levels_give_the_estimators_logits(self, task):
        self._check(make_estimator(), task, [2, 0, 1])
        ratios = [[0.0, 0.5, 1.0], [0.0, 0.25, 1.0], [0.0, 0.75, 1.0]]
        self._check(make_estimator(ratios=ratios), task, [1, 2, 1])

    def _check(self, estimator, task, levels):
        images = random_images(task, 5)
        actual = fixed_network(estimator, task, levels)(images)
        expected = estimator(images, levels=np.tile(levels, (5, 1)), task=task)
        error = np.abs(actual - expected).max() / np.abs(expected).max()
        self.assertLess(error, 1e-5)

    def test_it_has_the_weights_that_the_model_uses_and_no_more(self):
        estimator = make_estimator()
        model = fixed_network(estimator, "grey", [0, 1, 2])
        # By hand, widths 16, 32, 64. Stem: 7x7 from grey to 16, norm of 16. Block 2: norm of 16,
        # 3x3 from 16 to 8, norm of 8, 3x3 from 8 to 32. Block 3: 32 hidden of 64. Head.
        expected = 49 * 16 + 4 * 16
        expected += 4 * 16 + 9 * 16 * 8 + 4 * 8 + 9 * 8 * 32
        expected += 4 * 32 + 9 * 32 * 32 + 4 * 32 + 9 * 32 * 64
        expected += 4 * 64 + 64 * 3 + 3
        self.assertEqual(model.count_params(), expected)

    def test_its_layers_are_kerass_own(self):
        model = fixed_network(make_estimator(), "grey", [1, 2, 3])
        for layer in model.layers:
            self.assertStartsWith(type(layer).__module__, "keras.")
        path = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "fixed.keras"
        model.save(path)
        images = random_images("grey", 4)
        loaded = keras.saving.load_model(path, custom_objects={}, safe_mode=True)
        self.assertAllClose(loaded(images), model(images), rtol=1e-6, atol=1e-6)

    def test_the_estimators_weights_are_left_as_they_are(self):
        estimator = make_estimator()
        before = [np.array(weight) for weight in estimator.weights]
        model = fixed_network(estimator, "grey", [3, 3, 3])
        model.set_weights([weight + 1 for weight in model.get_weights()])
        self.assertAllEqual(np.concatenate([w.reshape(-1) for w in before]), _flat(estimator))

    @parameterized.parameters(([1, 1],), ([1, 1, 4],), ([1, -1, 1],), ([1] * 4,))
    def test_levels_that_do_not_fit_are_refused(self, levels):
        with self.assertRaisesRegex(
            ValueError, r"`levels` must be 3 integers in \[0, 4\).*Received"
        ):
            fixed_network(make_estimator(), "grey", levels)

    def test_an_unknown_task_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`task` must be one of"):
            fixed_network(make_estimator(), "birds", [0, 0, 0])


def _flat(estimator):
    return np.concatenate([np.array(weight).reshape(-1) for weight in estimator.weights])


if __name__ == "__main__":
    tf.test.main()
