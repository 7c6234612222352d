"""The selector's losses: three ways to a gradient of the expected reward."""

import typing

import tensorflow as tf

from elastic_tf import replicas
from elastic_tf.models.network_settings import TRUNK
from elastic_tf.policies.sampling import (
    entropy,
    epsilon_mixed,
    log_probability,
    randomly_priced,
    straight_through,
    uniform_divergence,
)
from elastic_tf.training.metrics import cross_entropy, weighted_mean
from elastic_tf.training.rewards import advantages, reward

# Between the uniform choice among the models drawn, at 0, and the selector's own at 1.
_SHARPNESS = 0.3


class SelectorLoss(typing.NamedTuple):
    """What a selector step on one batch comes to.

    Attributes:
        loss: float32 scalar, to be minimised over the selector's variables.
        rewards: float32 `(samples, batch)`, what the models drawn have earned.
        levels: int32 `(samples, batch, blocks)`, the models drawn.
    """

    loss: tf.Tensor
    rewards: tf.Tensor
    levels: tf.Tensor


def reinforce_loss(
    network, images, labels, logits, task, settings, price, epsilon, seed, weights=None
):
    """The paper's way: models are drawn, run, and made likelier by what they earn.

    The estimator runs as in inference, so a reward depends on one image and its model alone, and
    nothing of the estimator changes.

    Args:
        network: an `ElasticNetwork`.
        images: tensor `(batch, height, width, channels)`.
        labels: int tensor `(batch,)`.
        logits: float32 tensor `(batch, blocks, levels)`, of the selector.
        task: str.
        settings: a `MethodSettings`.
        price: float or scalar tensor >= 0, see `reward`.
        epsilon: float or scalar tensor in [0, 1], see `epsilon_mixed`.
        seed: int tensor `(2,)`.
        weights: float32 tensor `(batch,)`, as how many images each counts; `None` for 1 each.

    Returns:
        A `SelectorLoss`.

    Reference: Ahn et al., 2019; Williams, 1992.
    """
    seeds = tf.random.split(seed, settings.samples_per_image)
    seeds = [(None, seeds[i]) for i in range(settings.samples_per_image)]
    levels = sample_models(logits, None, epsilon, seeds)
    rewards = _rewards(network, images, labels, levels, task, settings, price)
    loss = policy_gradient_loss(logits, levels, rewards, settings, weights)
    return SelectorLoss(loss, rewards, levels)


def minimum_risk_loss(
    network, images, labels, logits, task, settings, price, epsilon, seed, weights=None
):
    """Minimum risk: preferences among some models of quite different cost, each of them run.

    Draws from the choice itself are near each other, and what they earn differs by chance more
    than by what an image needs. Here each is drawn at a price of its own (`randomly_priced`), from
    the cheapest to the dearest, and as they are not the selector's, what is maximised is the
    expected reward of its choice *among them*: `sum_i p_i R_i`, with `p = softmax(a log q(m_i|x))`,
    over `a` = 0.3, so that the gradient is of the size of the policy's.

    Args, returns: as `reinforce_loss`.

    Reference: Shen et al., 2016 (arXiv 1512.02433), minimum risk training.
    """
    block_shares = network.cost_table(task).block_shares
    levels = price_models(logits, block_shares, epsilon, _seed_pairs(seed, settings))
    rewards = _rewards(network, images, labels, levels, task, settings, price)
    return SelectorLoss(
        preference_loss(logits, levels, rewards, settings, weights), rewards, levels
    )


def gumbel_loss(
    network, images, labels, logits, task, settings, price, epsilon, seed, weights=None
):
    """Straight-through Gumbel-softmax: the rewards themselves are differentiated.

    The network runs at full width, with gates; a gradient for every block and level comes back
    from one run, where `reinforce_loss` has one number per run. `epsilon` is not used: the noise
    explores.

    Args, returns: as `reinforce_loss`.

    Reference: Jang et al., 2017 (arXiv 1611.01144); Veit and Belongie, 2018 (arXiv 1711.11503).
    """
    del epsilon
    samples = settings.samples_per_image
    seeds = tf.random.split(seed, samples)
    of_all = _of_all(logits)
    gates = tf.stack(
        [straight_through(of_all, settings.temperature, seeds[i]) for i in range(samples)]
    )
    gates = replicas.own(gates, axis=1)
    answers = network.estimator(
        images,
        gates=tf.reshape(gates, [-1, *gates.shape[2:]]),
        task=task,
    )
    table = network.estimator.cost_table(task)
    by_macs = settings.cost == "macs"
    costs = table.gated_macs_share(gates) if by_macs else table.gated_density(gates)
    rewards = _rewards_of(answers, labels, costs, settings, price)
    loss = exploration_loss(logits, settings, weights) - weighted_mean(rewards, weights)
    levels = tf.argmax(gates, axis=-1, output_type=tf.int32)
    return SelectorLoss(loss, tf.stop_gradient(rewards), levels)


SELECTOR_GRADIENTS = {
    "reinforce": reinforce_loss,
    "minimum_risk": minimum_risk_loss,
    "gumbel": gumbel_loss,
}


def selector_step(network, images, labels, task, settings, price, epsilon, seed, weights=None):
    """Returns what a selector step on one batch comes to, wherever the selector is.

    Args: as `reinforce_loss`.

    Returns:
        `SelectorLoss`; the scores, float32 `(batch, blocks, levels)`, of a selector in the trunk
        `(samples, batch, blocks, levels)`; a list of guesses, float32 `(batch, classes)` each.
    """
    draws = settings, price, epsilon, seed, weights
    if network.selector_kind == TRUNK:
        found, scores, guesses = trunk_loss(network, images, labels, task, *draws)
        return found, scores, tf.unstack(guesses[:, : tf.shape(labels)[0]])  # Of the first sample.
    scores, guess = network.selector(images, task=task, training=True, return_guess=True)
    loss_of = SELECTOR_GRADIENTS[settings.selector_gradient]
    found = loss_of(network, images, labels, scores, task, *draws)
    return found, scores, [] if guess is None else [guess]


def trunk_loss(network, images, labels, task, settings, price, epsilon, seed, weights=None):
    """The loss of a selector within the trunk, whose models are drawn stage by stage.

    Each is drawn on as the features come that its own levels give. One pass of the estimator is
    all, which gives the scores and the rewards.

    Args: as `reinforce_loss`.

    Returns:
        `SelectorLoss`; the scores, float32 `(samples, batch, blocks, levels)`; the guesses of every
        stage, see `Routed`.

    Raises:
        ValueError: if the gradient is none of a model drawn.
    """
    if settings.selector_gradient not in _DRAWN:
        raise ValueError(
            f"`selector_gradient` must be one of {tuple(_DRAWN)} for a selector in the trunk. "
            f"Received: selector_gradient={settings.selector_gradient}"
        )
    draw, loss_of = _DRAWN[settings.selector_gradient]
    samples, table = settings.samples_per_image, network.estimator.cost_table(task)
    seeds = _seed_pairs(seed, settings)

    def by_sample(rows):
        return tf.reshape(rows, [samples, -1, *rows.shape[1:]])

    def pick(scores, blocks):
        # The price of an image is the same in all stages, which all else is not.
        pairs = [(price_seed, tf.random.fold_in(own, blocks.start)) for price_seed, own in seeds]
        drawn = draw(by_sample(scores), table.block_shares[blocks], epsilon, pairs)
        return tf.reshape(drawn, [-1, scores.shape[1]])

    routed = network.selector.route(
        network.estimator, images, task, pick, samples=samples, training=True
    )
    scores, levels = by_sample(routed.scores), by_sample(routed.levels)
    costs = _costs(table, levels, settings)
    rewards = _rewards_of(tf.stop_gradient(routed.logits), labels, costs, settings, price)
    loss = loss_of(scores, levels, rewards, settings, weights)
    return SelectorLoss(loss, rewards, levels), scores, routed.guesses


def sample_models(logits, block_shares, epsilon, seeds):
    """Returns several models for each image, int32 `(samples, batch, blocks)`.

    Args:
        logits: float32 `(batch, blocks, levels)`, or `(samples, batch, blocks, levels)`, of each
            sample its own.
        block_shares: not used.
        epsilon: see `epsilon_mixed`.
        seeds: list of a pair for each sample: that of its prices, and that of its draws.
    """
    del block_shares
    logits = _of_all(logits)
    levels = tf.stack(
        [epsilon_mixed(_of_sample(logits, i), epsilon, own) for i, (_, own) in enumerate(seeds)]
    )
    return replicas.own(levels, axis=1)


def price_models(logits, block_shares, epsilon, seeds):
    """The same, of models drawn at prices of MACs; `block_shares` see `randomly_priced`."""
    logits = _of_all(logits)
    levels = tf.stack(
        [
            epsilon_mixed(
                randomly_priced(_of_sample(logits, i), block_shares, price_seed), epsilon, own
            )
            for i, (price_seed, own) in enumerate(seeds)
        ]
    )
    return replicas.own(levels, axis=1)


def _seed_pairs(seed, settings):
    samples = settings.samples_per_image
    seeds = tf.random.split(seed, 2 * samples)
    return [(seeds[2 * i], seeds[2 * i + 1]) for i in range(samples)]


def _of_all(logits):
    """Returns the scores of the whole batch, for which models are drawn."""
    return replicas.gathered(logits, axis=logits.shape.rank - 3)


def _of_sample(logits, index):
    return logits if logits.shape.rank == 3 else logits[index]


def preference_loss(logits, levels, rewards, settings, weights=None):
    """Returns the loss of `minimum_risk_loss`; arguments as of `policy_gradient_loss`."""
    preferences = tf.nn.softmax(_SHARPNESS * _log_probabilities(logits, levels), axis=0)
    expected = tf.reduce_sum(preferences * tf.stop_gradient(rewards), axis=0) / _SHARPNESS
    return exploration_loss(logits, settings, weights) - weighted_mean(expected, weights)


def policy_gradient_loss(logits, levels, rewards, settings, weights=None):
    """Returns the loss whose gradient is the policy gradient.

    `-log q(m | x) * (R - baseline)`, mean over samples and images, with `exploration_loss`.

    Args:
        logits: see `sample_models`.
        levels: int32 tensor `(samples, batch, blocks)`, the models drawn.
        rewards: float32 tensor `(samples, batch)`.
        settings: a `MethodSettings`.
        weights: float32 tensor `(batch,)`, see `reinforce_loss`.

    Returns:
        float32 scalar.
    """
    gains = tf.stop_gradient(advantages(rewards, settings.baseline))
    return exploration_loss(logits, settings, weights) - weighted_mean(
        _log_probabilities(logits, levels) * gains, weights
    )


def exploration_loss(logits, settings, weights=None):
    """Returns two terms that keep the choice alive, each summed over blocks, float32 scalar.

    A bonus for entropy, and a penalty for the Kullback-Leibler divergence of the uniform
    distribution from the selector's. Where a level's probability nears 0 the pull of the entropy
    fades as the policy gradient does; that of the divergence does not.
    """
    of_image = settings.exploration_weight * tf.reduce_sum(uniform_divergence(logits), axis=-1)
    of_image -= settings.entropy_weight * tf.reduce_sum(entropy(logits), axis=-1)
    return weighted_mean(of_image, weights)


def _rewards(network, images, labels, levels, task, settings, price):
    """Runs every image on each of its models; returns float32 `(samples, batch)`."""
    models = tf.reshape(levels, [-1, levels.shape[2]])
    answers = network.estimator(images, levels=models, task=task)
    table = network.estimator.cost_table(task)  # Without the selector's MACs.
    return _rewards_of(answers, labels, _costs(table, levels, settings), settings, price)


def _costs(table, levels, settings):
    return table.macs_share(levels) if settings.cost == "macs" else table.density(levels)


def _rewards_of(answers, labels, costs, settings, price):
    samples = costs.shape[0]
    losses = tf.reshape(cross_entropy(tf.tile(labels, [samples]), answers), [samples, -1])
    return reward(losses, costs, price, settings.credit, settings.cost_exponent)


def _log_probabilities(logits, levels):
    """Returns those of several models for each image, float32 `(samples, batch)`."""
    return tf.stack(
        [log_probability(_of_sample(logits, i), levels[i]) for i in range(levels.shape[0])]
    )


# Ways that draw models: how, and the loss of them.
_DRAWN = {
    "reinforce": (sample_models, policy_gradient_loss),
    "minimum_risk": (price_models, preference_loss),
}
