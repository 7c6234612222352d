""""""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.models.estimator import Estimator
from elastic_tf.models.standalone import standalone_network
from elastic_tf.models.standalone_weights import load_standalone_weights
from tests.testing import TASKS, random_images, randomise

WIDTHS = {"wrn-8-1": [16, 32, 64], "vgg-8-8": [8, 16, 32], "resnet-10-8": [8, 16, 32, 64]}


def make_estimator(backbone="wrn-8-1"):
    estimator = Estimator(TASKS, backbone=backbone, trunk_size=4)
    randomise(estimator, seed=1)
    return estimator


def make_plain(backbone="wrn-8-1", task="grey", widths=None):
    shape = TASKS[task]
    widths = widths or WIDTHS[backbone]
    plain = standalone_network(shape["image_shape"], shape["num_classes"], backbone, widths, 4)
    randomise(plain, seed=2)
    return plain


def flat_weights(model):
    return np.concatenate([np.array(weight).reshape(-1) for weight in model.weights])


def narrow_network(
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
    randomise(model, seed=3)
    return model


class LoadPlainWeightsTest(tf.test.TestCase, parameterized.TestCase):
    def _check_logits(self, estimator, plain, task="grey", images=None):
        pixels = random_images(task, 6)
        expected = plain(pixels if images is None else images)
        actual = estimator(pixels, task=task)
        error = np.abs(actual - expected).max() / np.abs(expected).max()
        self.assertLess(error, 1e-5)

    @parameterized.product(backbone=tuple(WIDTHS), task=tuple(TASKS))
    def test_the_full_model_gives_the_plain_networks_logits(self, backbone, task):
        estimator, plain = make_estimator(backbone), make_plain(backbone, task)
        load_standalone_weights(estimator, plain, task)
        self._check_logits(estimator, plain, task)

    @parameterized.parameters(
        {},
        {"bias": True},
        {"stem": 3},
        {"stem": 5},
        {"epsilon": 1e-5},
        {"pixels": (1 / 255, -0.5)},
    )
    def test_what_differs_without_consequence_is_taken_into_account(self, **options):
        estimator, plain = make_estimator(), narrow_network(**options)
        load_standalone_weights(estimator, plain, "grey")
        self._check_logits(estimator, plain)

    def test_without_rescaling_pixels_are_from_minus_1_to_1(self):
        estimator, plain = make_estimator(), narrow_network(pixels=None)
        load_standalone_weights(estimator, plain, "grey")
        self._check_logits(estimator, plain, images=random_images("grey", 6) / 127.5 - 1)

    def test_a_head_may_give_probabilities(self):
        estimator, plain = make_estimator(), narrow_network(head_activation="softmax")
        load_standalone_weights(estimator, plain, "grey")
        images = random_images("grey", 6)
        probabilities = tf.nn.softmax(estimator(images, task="grey"))
        self.assertAllClose(probabilities, plain(images), rtol=0, atol=1e-5)

    @parameterized.parameters(
        {"activation": "gelu"},
        {"pooling": "MaxPooling2D"},
        {"dilation": 2},
        {"stem_activation": "relu"},
        {"head_activation": "sigmoid"},
        {"head_activation": "softmax", "dilation": 2},
    )
    def test_another_computation_is_refused_and_nothing_changes(self, **options):
        estimator = make_estimator()
        before = flat_weights(estimator)
        with self.assertRaisesRegex(ValueError, "`plain` must compute what.*Received: outputs"):
            load_standalone_weights(estimator, narrow_network(**options), "grey")
        self.assertAllEqual(flat_weights(estimator), before)

    def test_outputs_of_another_shape_are_refused(self):
        plain = make_plain()
        plain = keras.Model(plain.inputs, plain.outputs[0][:, None])
        with self.assertRaisesRegex(ValueError, r"outputs \(3,\).*Received: \(1, 3\)"):
            load_standalone_weights(make_estimator(), plain, "grey")

    def test_half_precision_is_no_fault(self):
        plain = make_plain()
        half = keras.Model.from_config(plain.get_config())
        for layer in half.layers:
            layer.dtype_policy = "mixed_bfloat16"
        half.set_weights(plain.get_weights())
        load_standalone_weights(make_estimator(), half, "grey")

    def test_layers_within_a_model_within_it_count(self):
        estimator, inner = make_estimator(), narrow_network(pixels=(1 / 255, -0.5))
        inputs = keras.Input((8, 8, 1))
        load_standalone_weights(estimator, keras.Model(inputs, inner(inputs)), "grey")
        self._check_logits(estimator, inner)

    def test_stems_and_heads_of_other_tasks_stay_and_the_trunks_averages_do_not(self):
        estimator, plain = make_estimator(), make_plain()
        own = [np.array(w) for w in estimator.stems["colour"].weights]
        load_standalone_weights(estimator, plain, "grey")
        for before, after in zip(own, estimator.stems["colour"].weights, strict=True):
            self.assertAllEqual(before, after)
        norm = estimator.blocks[1].norm2
        self.assertAllEqual(norm.moving_means["colour"], norm.moving_means["grey"])

    @parameterized.parameters(
        ({"last_bias": True}, "no bias in block1_conv2"),
        ({"stem": 4}, r"kernel shape \(4, 4, 1, 16\)|in stem_conv"),
        ({"pixels": (1 / 255, 0.0)}, r"must rescale pixels once, 127.5 to 0"),
    )
    def test_what_cannot_be_taken_over_is_refused_and_nothing_changes(self, options, message):
        estimator = make_estimator()
        before = flat_weights(estimator)
        with self.assertRaisesRegex(ValueError, message):
            load_standalone_weights(estimator, narrow_network(**options), "grey")
        self.assertAllEqual(flat_weights(estimator), before)

    @parameterized.parameters(
        ("wrn-14-1", [16, 16, 32, 32, 64, 64], "16 layers with weights.*Received: 28"),
        ("wrn-8-2", [32, 64, 128], r"kernel shape.*in block1_conv1.*Received"),
        ("vgg-8-8", [8, 16, 32], "a BatchNormalization for block1_norm1|layers with weights"),
    )
    def test_another_depth_or_width_is_refused(self, backbone, widths, message):
        estimator, plain = make_estimator(), make_plain(backbone, widths=widths)
        before = flat_weights(estimator)
        with self.assertRaisesRegex(ValueError, message):
            load_standalone_weights(estimator, plain, "grey")
        self.assertAllEqual(flat_weights(estimator), before)


if __name__ == "__main__":
    tf.test.main()
