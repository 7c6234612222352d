import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.residual_block import ElasticResidualBlock
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.models.estimator import Estimator
from elastic_tf.models.plain_backbone import plain_backbone
from tests.testing import profiler_macs, randomise

BACKBONES = ("wrn-8-1", "resnet-10-4", "vgg-8-4")
TASKS = {"odd": {"image_shape": (13, 9, 3), "num_classes": 4}}


def build_plain(estimator, backbone, level):
    """Returns the plain model of one level of an estimator of `TASKS`."""
    widths = [block.channels_per_level[level] for block in estimator.blocks]
    return plain_backbone(**TASKS["odd"], backbone=backbone, widths=widths, trunk_size=5)


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
        model = plain_backbone((30, 20, 1), 2, "wrn-8-1", [4, 4, 4], trunk_size)
        self.assertEqual(model.get_layer("stem_conv").strides, strides)

    @parameterized.parameters(
        ("wrn-8-1", [1, 1], "3 integers >= 0"),
        ("wrn-8-1", [1, 1, -1], "3 integers >= 0"),
        ("vgg-8-4", [1, 0, 1], "3 integers >= 1"),
    )
    def test_widths_that_do_not_fit_are_refused(self, backbone, widths, expected):
        with self.assertRaisesRegex(ValueError, f"`widths` must hold {expected}.*Received: widths"):
            plain_backbone((8, 8, 1), 2, backbone, widths)


if __name__ == "__main__":
    tf.test.main()
