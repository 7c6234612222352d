"""Tests of standalone networks."""

import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.blocks import ElasticResidualBlock
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.models.estimator import Estimator
from elastic_tf.models.standalone import fixed_network, standalone_network
from tests.testing import TASKS, profiler_macs, random_images, randomise

BACKBONES = ("wrn-8-1", "resnet-10-4", "vgg-8-4")
TASKS = {"odd": {"image_shape": (13, 9, 3), "num_classes": 4}}


def build_plain(estimator, backbone, level):
    """Returns the plain model of one level of an estimator of `TASKS`."""
    widths = [block.channels_per_level[level] for block in estimator.blocks]
    return standalone_network(**TASKS["odd"], backbone=backbone, widths=widths, trunk_size=5)


def copy_weights(plain, estimator, level):
    """Gives a plain model the prefixes of the estimator's weights that a level uses."""

    def convolution(name, conv):
        kernel = plain.get_layer(name).kernel
        _, _, ins, outs = kernel.shape
        kernel.assign(conv.kernel[:, :, :ins, :outs])

    def normalisation(name, norm):
        layer = plain.get_layer(name)
        values = (norm.gamma, norm.beta, norm.moving_means["odd"], norm.moving_variances["odd"])
        layer.set_weights([np.asarray(value)[: layer.gamma.shape[0]] for value in values])

    stem, head = estimator.stems["odd"], estimator.heads["odd"]
    convolution("stem_conv", stem.conv)
    normalisation("stem_norm", stem.norm)
    for index, block in enumerate(estimator.blocks):
        residual = isinstance(block, ElasticResidualBlock)
        if residual and not block.channels_per_level[level]:
            continue
        convs = [block.conv1, block.conv2] if residual else block.convs
        norms = [block.norm1, block.norm2] if residual else block.norms
        for number, (conv, norm) in enumerate(zip(convs, norms, strict=True), start=1):
            convolution(f"block{index + 1}_conv{number}", conv)
            normalisation(f"block{index + 1}_norm{number}", norm)
    normalisation("head_norm", head.norm)
    plain.get_layer("head_linear").set_weights(head.linear.get_weights())


class PlainBackboneTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*BACKBONES)
    def test_macs_are_the_cost_tables_at_every_level(self, backbone):
        network = ElasticNetwork(TASKS, backbone=backbone, trunk_size=5)
        table = network.cost_table("odd")
        for level in range(network.num_levels):
            plain = build_plain(network.estimator, backbone, level)
            expected = table.macs([level] * network.num_blocks, with_selector=False)
            self.assertEqual(profiler_macs(plain), int(expected))

    @parameterized.product(backbone=BACKBONES, level=(0, 2, 3))
    def test_the_estimators_weights_give_its_logits(self, backbone, level):
        estimator = Estimator(TASKS, backbone=backbone, trunk_size=5)
        randomise(estimator)
        plain = build_plain(estimator, backbone, level)
        copy_weights(plain, estimator, level)
        images = np.random.default_rng(0).integers(0, 256, (3, 13, 9, 3)).astype(np.uint8)
        levels = np.full((3, estimator.num_blocks), level)
        expected = estimator(images, levels=levels, task="odd")
        self.assertAllClose(plain(images), expected, rtol=1e-4, atol=1e-4)

    @parameterized.parameters((32, (1, 1)), (12, (2, 2)), (5, (6, 6)))
    def test_the_stem_strides_as_the_networks(self, trunk_size, strides):
        model = standalone_network((30, 20, 1), 2, "wrn-8-1", [4, 4, 4], trunk_size)
        self.assertEqual(model.get_layer("stem_conv").strides, strides)

    @parameterized.parameters(
        ("wrn-8-1", [1, 1], "3 integers >= 0"),
        ("wrn-8-1", [1, 1, -1], "3 integers >= 0"),
        ("vgg-8-4", [1, 0, 1], "3 integers >= 1"),
    )
    def test_widths_that_do_not_fit_are_refused(self, backbone, widths, expected):
        with self.assertRaisesRegex(ValueError, f"`widths` must hold {expected}.*Received: widths"):
            standalone_network((8, 8, 1), 2, backbone, widths)


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
