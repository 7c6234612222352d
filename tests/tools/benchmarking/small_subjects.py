"""Subjects small enough for tests, and rows with times of our own."""

import numpy as np
from elastic_tf_tools.benchmarking.rows import Row
from elastic_tf_tools.benchmarking.subject import Subject

from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from tests.testing import TASKS, randomise


def small_subject(is_trained=False, ratios=(0.0, 0.5, 1.0), seed=0):
    """Returns a `Subject` of 5 images of 11 by 9 pixels, with random weights throughout."""
    network = DeepElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=5, ratios=ratios)
    randomise(network.estimator)
    randomise(network.selector, seed=1)
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (5, *TASKS["colour"]["image_shape"]), np.uint8)
    labels = generator.integers(0, TASKS["colour"]["num_classes"], 5, np.int32)
    return Subject(network, "colour", images, labels, is_trained, seed)


class NoTimer:
    """A timer that runs nothing: what the rows say beside times needs no graph."""

    def measure(self, functions):
        return {name: np.full(2, index + 1.0) for index, name in enumerate(functions)}


def make_row(name, batch_size=1, seconds=(1.0,), reference=(1.0,), macs_share=1.0):
    """Returns a `Row` with times given."""
    return Row(name, batch_size, np.array(seconds), np.array(reference), macs_share)
