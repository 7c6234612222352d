"""Which model each image of an estimator batch trains."""

import tensorflow as tf

from elastic_tf.policies.random_prices import randomly_priced
from elastic_tf.policies.sampling import greedy, sampled
from elastic_tf.training.stages import INITIAL


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
    distribution = network.initial_distribution
    if distribution.needs_logits:
        return distribution(network.selector(images, task=task), seed)
    shape = [tf.shape(images)[0], network.num_blocks, network.num_levels]
    return distribution(tf.zeros(shape), seed)


def _mixed(network, task, images, seed):
    chosen = _chosen(network, task, images, seed)
    rows = tf.shape(images)[0]
    share = 1 - network.settings.initial_mix
    last = tf.cast(tf.round(share * tf.cast(rows, tf.float32)), tf.int32)
    # The initial distribution puts its full models first: shift the share that is taken.
    order = tf.random.experimental.stateless_shuffle(tf.range(rows), seed)
    drawn = tf.gather(_initial(network, task, images, seed), order)
    return tf.where((tf.range(rows) < last)[:, tf.newaxis], chosen, drawn)


def _chosen(network, task, images, seed):
    logits, settings = network.selector(images, task=task), network.settings
    # Not the seed of the shuffle.
    sample_seed, coin_seed, price_seed = (tf.random.fold_in(seed, i) for i in range(1, 4))
    greedily = settings.estimator_choice == "greedy"
    chosen = greedy(logits) if greedily else sampled(logits, sample_seed)
    if not settings.priced_mix:
        return chosen
    prices = randomly_priced(logits, network.cost_table(task).block_shares, price_seed)
    coins = tf.random.stateless_uniform([tf.shape(images)[0], 1], coin_seed)
    return tf.where(coins < settings.priced_mix, sampled(prices, sample_seed), chosen)
