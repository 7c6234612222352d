"""Small networks whose selector is in the trunk, each made once for all tests of a process."""

import functools

import tensorflow as tf

from elastic_tf.costs.ratios import default_ratios
from elastic_tf.models.backbones import parse_backbone
from elastic_tf.models.elastic_network import ElasticNetwork
from tests.testing import TASKS, randomise


@functools.cache
def trunk_network(backbone="wrn-14-1", features="confident"):
    """Returns a network of random weights whose choices differ from image to image."""
    network = ElasticNetwork(
        TASKS,
        backbone=backbone,
        ratios=default_ratios(3, parse_backbone(backbone).residual),
        trunk_size=4,
        selector_features=features,
        selector_kind="trunk",
    )
    randomise(network)
    for head in network.estimator.heads.values():  # Logits of a few units, as trained ones.
        head.linear.kernel.assign(head.linear.kernel * 0.01)
    if features != "pooled":
        for head in network.selector.heads:  # What all images have in common.
            for offset in head.scores.offsets.values():
                offset.assign(tf.zeros_like(offset))
    return network
