"""What keeps its trained weights while the rest of a network learns."""

from elastic_tf.layers.steps import Norm

FREEZES = ("none", "norms", "early", "trunk")


def freeze_layers(network, freeze, frozen_tasks=()):
    """Sets which layers of a network train; whatever was set before is undone.

    - `none`: everything trains.
    - `norms`: scales, offsets and running averages of all normalisations but the heads' stay; these
      averages serve in training too.
    - `early`: weights of the stems and of the first half of the blocks stay.
    - `trunk`: weights of all blocks stay.

    Running averages, which are each task's own, go on but for `norms`. Where there are tasks that
    do not train, what the selector has for all tasks stays too.

    Args:
        network: an `ElasticNetwork`.
        freeze: str, one of `FREEZES`.
        frozen_tasks: sequence of str, tasks that do not train.
    """
    estimator, selector = network.estimator, network.selector
    stems, blocks = list(estimator.stems.values()), estimator.blocks
    shared = selector.shared_layers()
    norms = [
        layer
        for part in (*stems, *blocks)
        for step, layer in part.layers()
        if isinstance(step, Norm)
    ]
    for layer in (*stems, *blocks, *norms, *shared):
        layer.trainable = True
    frozen = {
        "none": [],
        "norms": norms,
        "early": [*stems, *blocks[: len(blocks) // 2]],
        "trunk": blocks,
    }[freeze]
    for layer in (*frozen, *(shared if frozen_tasks else ())):
        layer.trainable = False
    for norm in norms:
        norm.keeps_averages = freeze == "norms"
