"""The selector's loss: policy gradient on the models it draws."""

import tensorflow as tf

from elastic_tf.policies.sampling import (
    entropy,
    epsilon_mixed,
    log_probability,
    uniform_divergence,
)
from elastic_tf.training.baselines import advantages
from elastic_tf.training.rewards import reward


def sample_models(logits, epsilon, samples, seed):
    """Returns several models for each image, int32 `(samples, batch, blocks)`."""
    seeds = tf.random.split(seed, samples)
    return tf.stack([epsilon_mixed(logits, epsilon, seeds[i]) for i in range(samples)])


def model_rewards(network, images, labels, levels, task, settings):
    """Runs the models drawn for a batch and returns what each earns.

    The estimator runs as in inference, so a reward depends on one image and its model alone, and
    nothing of the estimator changes.

    Args:
        network: an `ElasticNetwork`.
        images: tensor `(batch, height, width, channels)`.
        labels: int tensor `(batch,)`.
        levels: int32 tensor `(samples, batch, blocks)`.
        task: str.
        settings: a `MethodSettings`.

    Returns:
        float32 tensor `(samples, batch)`.
    """
    samples, blocks = levels.shape[0], levels.shape[2]
    flat = tf.reshape(levels, [-1, blocks])
    logits = network.estimator(tf.tile(images, [samples, 1, 1, 1]), levels=flat, task=task)
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
        tf.tile(labels, [samples]), logits
    )
    table = network.estimator.cost_table(task)
    if settings.cost == "density":
        costs = table.density(levels)
    else:
        costs = table.macs_share(levels, with_selector=False)
    cross_entropy = tf.reshape(cross_entropy, tf.shape(levels)[:2])
    return reward(cross_entropy, costs, settings.rho, settings.credit)


def selector_loss(logits, levels, rewards, settings):
    """Returns the loss whose gradient is the policy gradient.

    `-log q(m | x) * (R - baseline)`, mean over samples and images, with two terms that keep the
    choice alive, each summed over blocks: a bonus for entropy, and a price for the
    Kullback-Leibler divergence of the uniform distribution from the selector's. Where a level's
    probability nears 0 the pull of the entropy fades as the policy gradient does; that of the
    divergence does not.

    Args:
        logits: float32 tensor `(batch, blocks, levels)`, of the selector.
        levels: int32 tensor `(samples, batch, blocks)`, the models drawn.
        rewards: float32 tensor `(samples, batch)`.
        settings: a `MethodSettings`.

    Returns:
        float32 scalar.

    Reference: Ahn et al., 2019; Williams, 1992.
    """
    samples = levels.shape[0]
    log_probabilities = tf.stack([log_probability(logits, levels[i]) for i in range(samples)])
    gains = tf.stop_gradient(advantages(rewards, settings.baseline))
    loss = -tf.reduce_mean(log_probabilities * gains)
    loss -= settings.entropy_weight * _mean_over_images(entropy(logits))
    return loss + settings.exploration_weight * _mean_over_images(uniform_divergence(logits))


def _mean_over_images(values):
    return tf.reduce_mean(tf.reduce_sum(values, axis=-1))
