"""Tests of the way from a trained Keras network to an elastic one."""

from unittest import mock

import keras
import numpy as np
import pytest
from absl.testing import parameterized

from elastic_tf.models.backbones import parse_backbone
from elastic_tf.models.channel_order import sort_channels
from elastic_tf.models.estimator import Estimator
from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.models.standalone import standalone_network
from elastic_tf.pretrained import sources
from elastic_tf.pretrained.elasticize import elasticize
from elastic_tf.pretrained.recognise import recognise
from elastic_tf.pretrained.sources import load_source
from tests import testing
from tests.testing import BACKBONES, TASKS, random_images, random_levels, randomise

NETWORK = {"image_shape": (11, 9, 3), "num_classes": 3}


def make_network(backbone="wrn-8-1", **settings):
    widths = [block.hidden_filters for block in parse_backbone(backbone).blocks]
    shape = NETWORK | {"trunk_size": 4} | settings
    return randomise(standalone_network(**shape, backbone=backbone, widths=widths), seed=2)


@pytest.mark.slow
class ElasticizeTest(testing.TestCase):
    @parameterized.product(backbone=BACKBONES, order=("l1", "none"))
    def test_the_full_level_is_the_network(self, backbone, order):
        network = make_network(backbone)
        elastic = elasticize(network, {"a": NETWORK}, order=order, trunk_size=4)
        self.assertEqual(elastic.backbone, backbone)
        images = random_images("colour")
        self.assert_near(elastic.estimator(images, task="a"), network(images), 1e-4)
        # In inference, at any level: the order changed what a level keeps, and no more.
        levels = np.zeros((len(images), elastic.num_blocks), np.int32) + 1
        self.assertAllEqual(elastic.estimator(images, levels, task="a").shape, (len(images), 3))

    def test_every_task_starts_with_the_network(self):
        network = make_network()
        tasks = TASKS | {"same": {"image_shape": (11, 9, 1), "num_classes": 3}}
        elastic = elasticize(network, tasks, trunk_size=4)
        grey = random_images("colour")[..., :1]
        expected = network(np.repeat(grey, 3, axis=-1))
        self.assert_near(elastic.estimator(grey, task="same"), expected, 1e-4)
        # Another number of classes, a new linear layer behind the same features.
        of_colour, of_same = (elastic.estimator.heads[task] for task in ("colour", "same"))
        self.assertAllEqual(of_colour.norm.gamma, of_same.norm.gamma)
        self.assertEqual(of_colour.linear.kernel.shape, (64, 4))
        block = elastic.estimator.blocks[0].norm1
        self.assertAllEqual(block.moving_means["grey"], block.moving_means["same"])

    def test_images_are_resized_within_the_network(self):
        network = make_network(image_shape=(22, 22, 3))
        elastic = elasticize(network, {"a": NETWORK}, input_size=22, trunk_size=4)
        images = random_images("colour")
        expected = network(keras.ops.image.resize(images.astype(np.float32), (22, 22)))
        self.assert_near(elastic.estimator(images, task="a"), expected, 1e-4)

    @parameterized.parameters("efficientnet-lite0", "mobilenetv2=none", "resnet50v2=none")
    def test_published_networks_fit(self, name):
        network = load_source(name)
        for layer in network.layers:  # New ones have averages of 0 and 1 throughout.
            if name.endswith("none") and isinstance(layer, keras.layers.BatchNormalization):
                randomise(layer, seed=2)
        classes = network.output_shape[-1]
        tasks = {"a": {"image_shape": (64, 64, 3), "num_classes": classes}}
        elastic = elasticize(network, tasks, ratios=(0.0, 0.5, 1.0))
        images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.float32)
        answers = elastic.estimator(images, task="a")
        if name.endswith("none"):  # Whose pixels are scaled outside of it.
            images = images / 127.5 - 1
        convolutional = keras.Model(network.inputs, network.layers[-3].output)
        features = keras.ops.mean(_at_64(convolutional)(images), axis=(1, 2))
        kernel, bias = network.layers[-1].get_weights()
        self.assert_near(answers, features @ kernel + bias, 1e-4)
        self.assertAllEqual(elastic.estimator.block_ratios[1], (0.0, 0.5, 1.0))

    def test_new_weights_need_no_package(self):
        self.enter_context(mock.patch.object(sources, "lite0_weights", side_effect=ImportError))
        network = load_source("efficientnet-lite0=none")
        self.assertEqual(recognise(network), "efficientnet-lite0")


def _at_64(network):
    """Returns the same for images of 64 pixels."""
    inputs = keras.Input((64, 64, 3))
    clone = keras.models.clone_model(network, input_tensors=[inputs])
    clone.set_weights(network.get_weights())
    return clone


class RecogniseTest(testing.TestCase):
    @parameterized.parameters(*BACKBONES)
    def test_backbones_are_told_by_their_layers(self, backbone):
        network = make_network(backbone)
        for index, layer in enumerate(network.layers):
            layer.name = f"layer_{index}"
        self.assertEqual(recognise(network), backbone)

    def test_a_stem_may_have_another_kernel(self):
        network = make_network()
        inputs = keras.Input((11, 9, 3))
        clone = keras.models.clone_model(
            network,
            input_tensors=inputs,
            clone_function=lambda layer: (
                keras.layers.Conv2D(16, 3, 3, "same", use_bias=False)
                if layer.name == "stem_conv"
                else layer.__class__.from_config(layer.get_config())
            ),
        )
        self.assertEqual(recognise(clone), "wrn-8-1")

    def test_others_are_refused_by_the_first_layer_that_does_not_fit(self):
        network = make_network("wrn-14-1")
        cut = keras.Model(network.inputs, network.get_layer("block2_conv2").output)
        with self.assertRaisesRegex(ValueError, "must end with a Dense.*'block2_conv2'"):
            recognise(cut)
        widths = [16, 8, 32, 32, 64, 64]
        network = standalone_network(**NETWORK, backbone="wrn-14-1", widths=widths)
        with self.assertRaisesRegex(ValueError, "where 'block2_conv1' is, to be a wrn-14-1"):
            recognise(network)


class SortChannelsTest(testing.TestCase):
    @parameterized.parameters(*BACKBONES)
    def test_the_most_important_come_first_and_the_full_level_stays(self, backbone):
        estimator = randomise(Estimator({"a": NETWORK}, backbone=backbone, trunk_size=4))
        images, levels = random_images("colour"), random_levels(estimator, 6)
        full, narrow = (estimator(images, levels=of, task="a") for of in (None, levels))
        for block in estimator.blocks:
            sort_channels(block)
            readers = [
                layer.kernel
                for (step, layer), (before, _) in zip(
                    block.layers()[1:], block.layers(), strict=False
                )
                if hasattr(layer, "kernel") and not step.depthwise and before is not step
            ]
            importance = np.abs(np.asarray(readers[-1])).sum(axis=(0, 1, 3))
            self.assertAllEqual(importance, np.sort(importance)[::-1])
        self.assert_near(estimator(images, task="a"), full, 1e-4)
        self.assertNotAllClose(estimator(images, levels=levels, task="a"), narrow, atol=1e-3)


class RefusalsTest(testing.TestCase):
    def test_arguments(self):
        with self.assertRaisesRegex(ValueError, "`order` must be one of.*Received: order=l2"):
            elasticize(make_network(), {"a": NETWORK}, order="l2")
        with self.assertRaisesRegex(ValueError, "must be one of efficientnet.*Received: vgg19"):
            elasticize("vgg19", {"a": NETWORK})
        for missing in ("nowhere.keras", "mobilenetv2=nowhere.h5"):
            with self.assertRaisesRegex(FileNotFoundError, "must exist. Received: nowhere"):
                elasticize(missing, {"a": NETWORK})

    def test_ratios_are_those_of_the_network_to_start_from(self):
        ratios = [[0.5, 1.0]] * 2
        self.assertEqual(
            NetworkSettings(init_from="x.keras", ratios=ratios).ratios, ((0.5, 1.0),) * 2
        )
        with self.assertRaisesRegex(ValueError, "`ratios`"):
            NetworkSettings(ratios=ratios)
