"""Which layer of an estimator is which of the plain backbone of one task."""

from elastic_tf.layers.residual_block import ElasticResidualBlock


def plain_layers(estimator, task):
    """Returns the layers with weights that one task's images pass, in order.

    Args:
        estimator: an `Estimator`.
        task: str, one of its tasks.

    Returns:
        Dict from the name that `plain_backbone` gives a layer to the estimator's own: an
        `ElasticConv2D`, a `TaskBatchNormalization` or a `keras.layers.Dense`.
    """
    stem, head = estimator.stems[task], estimator.heads[task]
    found = {"stem_conv": stem.conv, "stem_norm": stem.norm}
    for index, block in enumerate(estimator.blocks):
        found |= {f"block{index + 1}_{name}": layer for name, layer in _block_layers(block)}
    return found | {"head_norm": head.norm, "head_linear": head.linear}


def _block_layers(block):
    if isinstance(block, ElasticResidualBlock):
        return [(name, getattr(block, name)) for name in ("norm1", "conv1", "norm2", "conv2")]
    return [
        (f"{kind}{number}", layer)
        for number, pair in enumerate(zip(block.convs, block.norms, strict=True), 1)
        for kind, layer in zip(("conv", "norm"), pair, strict=True)
    ]
