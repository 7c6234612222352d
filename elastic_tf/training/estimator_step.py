"""What an estimator step trains: the model of each image, and the loss."""

import typing

import tensorflow as tf

from elastic_tf.policies.sampling import greedy, mostly_full, randomly_priced, sampled
from elastic_tf.training.metrics import cross_entropy, weighted_mean
from elastic_tf.training.stages import INITIAL

# Which models the estimator trains before there is a selector: the paper's, most of them full and
# the others uniform; and those of its two ablations, all of them uniform, or the untrained
# selector's own. Ahn et al., 2019, section 3.2 and supplement section 2.
INITIAL_DISTRIBUTIONS = ("proposed", "random", "uniform")


def estimator_levels(network, task, images, stage, seed):
    """Returns the levels of an estimator step, int32 `(batch, blocks)`.

    In the initial stage all come from the initial distribution. In the alternation a share
    `initial_mix` does, and the selector picks the others, a share `priced_mix` of them at prices
    of MACs drawn for each image.

    Args:
        network: a compiled `DeepElasticNetwork`.
        task: str.
        images: tensor `(batch, height, width, channels)`.
        stage: a `Stage`.
        seed: int tensor `(2,)`.
    """
    return tf.cond(
        stage.kind == INITIAL,
        lambda: _initial(network, task, images, seed),
        lambda: _mixed(network, task, images, seed),
    )


def _initial(network, task, images, seed):
    method = network.method
    if method.initial_distribution == "random":
        return sampled(network.selector(images, task=task), seed)
    # With distillation every image runs on the full model anyway.
    is_drawn = method.initial_distribution == "uniform" or method.distillation_weight
    full_share = 0.0 if is_drawn else method.full_share
    size = (tf.shape(images)[0], network.num_blocks, network.num_levels)
    return mostly_full(*size, full_share, seed)


def _mixed(network, task, images, seed):
    chosen = _chosen(network, task, images, seed)
    rows = tf.shape(images)[0]
    share = 1 - network.method.initial_mix
    last = tf.cast(tf.round(share * tf.cast(rows, tf.float32)), tf.int32)
    # The initial distribution puts its full models first: shift the share that is taken.
    order = tf.random.experimental.stateless_shuffle(tf.range(rows), seed)
    drawn = tf.gather(_initial(network, task, images, seed), order)
    return tf.where((tf.range(rows) < last)[:, tf.newaxis], chosen, drawn)


def _chosen(network, task, images, seed):
    logits, settings = network.selector(images, task=task), network.method
    # Not the seed of the shuffle.
    sample_seed, coin_seed, price_seed = (tf.random.fold_in(seed, i) for i in range(1, 4))
    greedily = settings.estimator_choice == "greedy"
    chosen = greedy(logits) if greedily else sampled(logits, sample_seed)
    if not settings.priced_mix:
        return chosen
    prices = randomly_priced(logits, network.cost_table(task).block_shares, price_seed)
    coins = tf.random.stateless_uniform([tf.shape(images)[0], 1], coin_seed)
    return tf.where(coins < settings.priced_mix, sampled(prices, sample_seed), chosen)


class EstimatorLoss(typing.NamedTuple):
    """What an estimator step on one batch comes to.

    Attributes:
        loss: float32 scalar, to be minimised; 0 for an empty batch.
        cross_entropy: float32 `(batch,)`, of the models in use, nats.
        logits: float32 `(batch, classes)`, of the models in use.
    """

    loss: tf.Tensor
    cross_entropy: tf.Tensor
    logits: tf.Tensor


def estimator_loss(estimator, images, labels, levels, task, distillation_weight=0.0, weights=None):
    """Runs every image on its model, in training.

    With distillation every image runs on the full model too, which learns from the labels, and
    its soft answers teach the other model: `CE(full) + (1 - w) * CE(model) + w * CE(model,
    full's answer)`. Both are rows of one batch, so that one set of moments fits both, as one set of
    averages has to in inference. The full model's gradient is what it would be without the
    others.

    Args:
        estimator: an `Estimator`.
        images: tensor `(batch, height, width, channels)`.
        labels: int tensor `(batch,)`.
        levels: int32 tensor `(batch, blocks)`.
        task: str.
        distillation_weight: float in [0, 1]. 0 for none, and no run of the full model.
        weights: float32 tensor `(batch,)`, as how many images each counts; `None` for 1 each.

    Returns:
        An `EstimatorLoss`.

    Reference: Yu and Huang, 2019 (arXiv 1903.05134), in-place distillation.
    """
    if not distillation_weight:
        logits = estimator(images, levels=levels, task=task, training=True)
        losses = cross_entropy(labels, logits)
        return EstimatorLoss(weighted_mean(losses, weights), losses, logits)
    full_levels = tf.fill(tf.shape(levels), estimator.num_levels - 1)
    both = estimator(
        tf.concat([images, images], axis=0),
        levels=tf.concat([full_levels, levels], axis=0),
        task=task,
        training=True,
    )
    full, logits = tf.split(both, 2)
    losses = cross_entropy(labels, logits)
    taught = tf.nn.softmax_cross_entropy_with_logits(tf.stop_gradient(tf.nn.softmax(full)), logits)
    of_model = (1 - distillation_weight) * losses + distillation_weight * taught
    loss = weighted_mean(cross_entropy(labels, full) + of_model, weights)
    return EstimatorLoss(loss, losses, logits)
