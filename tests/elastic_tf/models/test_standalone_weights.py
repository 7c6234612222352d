"""Tests of the way in for trained standalone networks."""

import keras
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.models.estimator import Estimator
from elastic_tf.models.standalone import standalone_network
from elastic_tf.models.standalone_weights import load_standalone_weights
from tests import testing
from tests.testing import TASKS, random_images, randomise

WIDTHS = {"wrn-8-1": [16, 32, 64], "vgg-8-8": [8, 16, 32], "resnet-10-8": [8, 16, 32, 64]}


def make_estimator(backbone="wrn-8-1"):
    return randomise(Estimator(TASKS, backbone=backbone, trunk_size=4), seed=1)


def make_network(backbone="wrn-8-1", task="grey", widths=None):
    widths = widths or WIDTHS[backbone]
    network = standalone_network(**TASKS[task], backbone=backbone, widths=widths, trunk_size=4)
    return randomise(network, seed=2)


def foreign_network(
    stem=7,
    bias=False,
    last_bias=False,
    pixels=(1 / 127.5, -1.0),
    epsilon=1e-3,
    activation="relu",
    pooling="AveragePooling2D",
    dilation=1,
    stem_activation=None,
    head_activation=None,
):
    """Returns a wrn-8-1 for grey images as somebody else would have written it."""
    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    features = layers.Rescaling(*pixels)(inputs) if pixels else inputs
    features = layers.Conv2D(16, stem, 2, "same", use_bias=bias, activation=stem_activation)(
        features
    )
    features = layers.ReLU()(layers.BatchNormalization(epsilon=epsilon)(features))
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        shortcut = features
        if strides > 1:
            shortcut = getattr(layers, pooling)(2, padding="same")(shortcut)
            half = filters // 4
            shortcut = keras.ops.pad(shortcut, [(0, 0), (0, 0), (0, 0), (half, half)])
        hidden = layers.ReLU()(layers.BatchNormalization(scale=False)(features))
        hidden = layers.Conv2D(filters, 3, strides, "same", use_bias=bias)(hidden)
        hidden = layers.BatchNormalization(epsilon=epsilon)(hidden)
        hidden = layers.Activation(activation)(hidden)
        hidden = layers.Conv2D(
            filters, 3, padding="same", use_bias=last_bias, dilation_rate=dilation
        )(hidden)
        features = layers.Add()([shortcut, hidden])
    features = layers.ReLU()(layers.BatchNormalization(center=False)(features))
    features = layers.GlobalAveragePooling2D()(features)
    model = keras.Model(inputs, layers.Dense(3, activation=head_activation)(features))
    return randomise(model, seed=3)


class LoadStandaloneWeightsTest(testing.TestCase):
    def _check(self, network, task="grey", backbone="wrn-8-1", images=None, outputs=tf.identity):
        estimator, pixels = make_estimator(backbone), random_images(task, 6)
        load_standalone_weights(estimator, network, task)
        expected = network(pixels if images is None else images)
        self.assert_near(outputs(estimator(pixels, task=task)), expected)

    def _check_refusal(self, network, message):
        estimator = make_estimator()
        with self.assert_unchanged(estimator.weights), self.assertRaisesRegex(ValueError, message):
            load_standalone_weights(estimator, network, "grey")

    @parameterized.product(backbone=tuple(WIDTHS), task=tuple(TASKS))
    def test_the_full_model_gives_the_networks_logits(self, backbone, task):
        self._check(make_network(backbone, task), task, backbone)

    @parameterized.parameters(
        {},
        {"bias": True},
        {"stem": 3},
        {"stem": 5},
        {"epsilon": 1e-5},
        {"pixels": (1 / 255, -0.5)},
    )
    def test_what_differs_without_consequence_is_taken_into_account(self, **options):
        self._check(foreign_network(**options))

    def test_without_rescaling_pixels_are_from_minus_1_to_1(self):
        self._check(foreign_network(pixels=None), images=random_images("grey", 6) / 127.5 - 1)

    def test_a_head_may_give_probabilities(self):
        self._check(foreign_network(head_activation="softmax"), outputs=tf.nn.softmax)

    @parameterized.parameters(
        {"activation": "gelu"},
        {"pooling": "MaxPooling2D"},
        {"dilation": 2},
        {"stem_activation": "relu"},
        {"head_activation": "sigmoid"},
        {"head_activation": "softmax", "dilation": 2},
    )
    def test_another_computation_is_refused(self, **options):
        message = "`network` must compute what.*Received: outputs"
        self._check_refusal(foreign_network(**options), message)

    @parameterized.parameters(
        ({"last_bias": True}, "no bias in block1_conv2"),
        ({"stem": 4}, r"kernel shape \(4, 4, 1, 16\)|in stem_conv"),
        ({"pixels": (1 / 255, 0.0)}, r"must rescale pixels once, 127.5 to 0"),
    )
    def test_what_cannot_be_taken_over_is_refused(self, options, message):
        self._check_refusal(foreign_network(**options), message)

    @parameterized.parameters(
        ("wrn-14-1", [16, 16, 32, 32, 64, 64], "16 layers with weights.*Received: 28"),
        ("wrn-8-2", [32, 64, 128], r"kernel shape.*in block1_conv1.*Received"),
        ("vgg-8-8", [8, 16, 32], "a BatchNormalization for block1_norm1|layers with weights"),
    )
    def test_another_depth_or_width_is_refused(self, backbone, widths, message):
        self._check_refusal(make_network(backbone, widths=widths), message)

    def test_outputs_of_another_shape_are_refused(self):
        network = make_network()
        network = keras.Model(network.inputs, network.outputs[0][:, None])
        self._check_refusal(network, r"outputs \(3,\).*Received: \(1, 3\)")

    def test_half_precision_is_no_fault(self):
        network = make_network()
        half = keras.Model.from_config(network.get_config())
        for layer in half.layers:
            layer.dtype_policy = "mixed_bfloat16"
        half.set_weights(network.get_weights())
        load_standalone_weights(make_estimator(), half, "grey")

    def test_layers_of_models_within_it_count(self):
        inputs = keras.Input((8, 8, 1))
        self._check(keras.Model(inputs, foreign_network(pixels=(1 / 255, -0.5))(inputs)))

    def test_stems_of_other_tasks_stay_and_the_trunks_averages_do_not(self):
        estimator = make_estimator()
        with self.assert_unchanged(estimator.stems["colour"].weights):
            load_standalone_weights(estimator, make_network(), "grey")
        norm = estimator.blocks[1].norm2
        self.assertAllEqual(norm.moving_means["colour"], norm.moving_means["grey"])
