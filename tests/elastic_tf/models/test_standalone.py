"""Tests of standalone networks."""

import os

import keras
import numpy as np
import pytest
from absl.testing import parameterized

from elastic_tf.models.estimator import Estimator
from elastic_tf.models.standalone import fixed_network, standalone_network
from tests import testing
from tests.testing import TASKS, random_images, randomise


def make_estimator(backbone="wrn-8-1", **options):
    return randomise(Estimator(TASKS, backbone=backbone, trunk_size=5, **options))


class StandaloneNetworkTest(testing.TestCase):
    @parameterized.parameters((32, (1, 1)), (12, (2, 2)), (5, (6, 6)))
    def test_the_stem_strides_as_the_networks(self, trunk_size, strides):
        model = standalone_network((30, 20, 1), 2, "wrn-8-1", [4, 4, 4], trunk_size)
        self.assertEqual(model.get_layer("stem_conv").strides, strides)

    @parameterized.parameters(
        ("wrn-8-1", [1, 1], r"3 integers >= \[0, 0, 0\]"),
        ("wrn-8-1", [1, 1, -1], r"3 integers >= \[0, 0, 0\]"),
        ("vgg-8-4", [1, 0, 1], r"3 integers >= \[1, 1, 1\]"),
    )
    def test_widths_that_do_not_fit_are_refused(self, backbone, widths, expected):
        with self.assertRaisesRegex(ValueError, f"`widths` must hold {expected}.*Received: widths"):
            standalone_network((8, 8, 1), 2, backbone, widths)


@pytest.mark.slow
class FixedNetworkTest(testing.TestCase):
    @parameterized.parameters("wrn-8-1", "wrn-14-1", "resnet-10-8", "vgg-8-8")
    def test_it_gives_the_estimators_logits(self, backbone):
        estimator = make_estimator(backbone)
        mixed = np.arange(estimator.num_blocks)[::-1] % 4
        for task in TASKS:
            for levels in (0 * mixed, 0 * mixed + 1, mixed, 0 * mixed + 3):
                self._check(estimator, task, levels)

    def test_ratios_per_block(self):
        ratios = [[0.0, 0.5, 1.0], [0.0, 0.25, 1.0], [0.0, 0.75, 1.0]]
        self._check(make_estimator(ratios=ratios), "grey", [1, 2, 1])

    def _check(self, estimator, task, levels):
        images = random_images(task, 5)
        actual = fixed_network(estimator, task, levels)(images)
        self.assert_near(actual, estimator(images, levels=np.tile(levels, (5, 1)), task=task))

    def test_it_resizes_images_as_the_network_and_is_not_in_training(self):
        self._check(make_estimator(input_size=14), "colour", [3, 1, 2])

    def test_it_has_the_weights_that_the_model_uses_and_no_more(self):
        model = fixed_network(make_estimator(), "grey", [0, 1, 2])
        # By hand, widths 16, 32, 64. Stem: 7x7 from grey to 16, norm of 16. Block 2: norm of 16,
        # 3x3 from 16 to 8, norm of 8, 3x3 from 8 to 32. Block 3: 32 hidden of 64. Head.
        expected = 49 * 16 + 4 * 16
        expected += 4 * 16 + 9 * 16 * 8 + 4 * 8 + 9 * 8 * 32
        expected += 4 * 32 + 9 * 32 * 32 + 4 * 32 + 9 * 32 * 64
        expected += 4 * 64 + 64 * 3 + 3
        self.assertEqual(model.count_params(), expected)

    def test_its_layers_are_kerass_own_and_its_weights_its_own(self):
        estimator = make_estimator()
        model = fixed_network(estimator, "grey", [1, 2, 3])
        for layer in model.layers:
            self.assertStartsWith(type(layer).__module__, "keras.")
        path = os.path.join(self.get_temp_dir(), "fixed.keras")
        model.save(path)
        images = random_images("grey", 4)
        loaded = keras.saving.load_model(path, custom_objects={}, safe_mode=True)
        self.assertAllClose(loaded(images), model(images), rtol=1e-6, atol=1e-6)
        with self.assert_unchanged(estimator.weights):
            model.set_weights([weight + 1 for weight in model.get_weights()])

    @parameterized.parameters(([1, 1],), ([1, 1, 4],), ([1, -1, 1],), ([1] * 4,))
    def test_levels_that_do_not_fit_are_refused(self, levels):
        message = r"`levels` must be 3 integers in \[0, 4\).*Received"
        with self.assertRaisesRegex(ValueError, message):
            fixed_network(make_estimator(), "grey", levels)

    def test_an_unknown_task_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`task` must be one of"):
            fixed_network(make_estimator(), "birds", [0, 0, 0])
