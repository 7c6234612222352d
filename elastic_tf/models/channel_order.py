"""The order of hidden channels: what a narrow level keeps should be what matters most."""

import numpy as np

from elastic_tf.layers.steps import Norm

ORDERS = ("l1", "none")


def sort_channels(block):
    """Sorts the hidden channels of a block by importance, the most important first.

    A channel is the more important, the larger the absolute weights are by which the convolution
    after it reads it. Kernels and normalisations before and after are permuted alike, so that the
    full level computes what it did, and a narrower level has the best channels.

    Args:
        block: a built `ElasticBlock`. Its weights are changed.

    Reference: Cai et al., 2020 (arXiv 1908.09791), section 3.2.
    """
    hidden = []  # The layers that have the present hidden channels as outputs.
    for step, layer in block.layers():
        if isinstance(step, Norm) or step.depthwise:
            hidden += [(step, layer)] if hidden else []
            continue
        if hidden:
            kernel = np.asarray(layer.kernel)
            order = np.argsort(-np.abs(kernel).sum(axis=(0, 1, 3)), kind="stable")
            layer.kernel.assign(kernel[:, :, order])
            for each in hidden:
                _permute_outputs(*each, order)
        hidden = [(step, layer)] if step.to_hidden else []


def _permute_outputs(step, layer, order):
    if isinstance(step, Norm):
        for vector in layer.weights:
            vector.assign(np.asarray(vector)[order])
        return
    kernel = np.asarray(layer.kernel)
    layer.kernel.assign(kernel[:, :, order] if step.depthwise else kernel[..., order])
