"""What keeps its trained weights while the rest of a network learns."""

from elastic_tf.layers.steps import Norm

FREEZES = ("none", "norms", "early", "trunk")


def freeze_layers(estimator, freeze):
    """Sets which layers of an estimator train; whatever was set before is undone.

    - `none`: everything trains.
    - `norms`: scales, offsets and running averages of all normalisations but the heads' stay; these
      averages serve in training too.
    - `early`: weights of the stems and of the first half of the blocks stay.
    - `trunk`: weights of all blocks stay.

    Running averages, which are each task's own, go on but for `norms`.

    Args:
        estimator: an `Estimator`.
        freeze: str, one of `FREEZES`.
    """
    stems, blocks = list(estimator.stems.values()), estimator.blocks
    norms = [
        layer
        for part in (*stems, *blocks)
        for step, layer in part.layers()
        if isinstance(step, Norm)
    ]
    for layer in (*stems, *blocks, *norms):
        layer.trainable = True
    frozen = {
        "none": [],
        "norms": norms,
        "early": [*stems, *blocks[: len(blocks) // 2]],
        "trunk": blocks,
    }[freeze]
    for layer in frozen:
        layer.trainable = False
    for norm in norms:
        norm.keeps_averages = freeze == "norms"
