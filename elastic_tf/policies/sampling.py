"""Policies: from the selector's logits to levels, and the probabilities behind them.

All take logits `(batch, blocks, levels)` and return int32 levels `(batch, blocks)`. Seeds are int
tensors `(2,)`; the same seed gives the same levels.
"""

import numpy as np
import tensorflow as tf


def greedy(logits):
    """Returns the most likely level of every block."""
    return tf.argmax(logits, axis=-1, output_type=tf.int32)


def sampled(logits, seed):
    """Returns levels drawn from the selector's distribution, each block by itself."""
    rows = tf.reshape(logits, [-1, logits.shape[-1]])
    levels = tf.random.stateless_categorical(rows, 1, seed, dtype=tf.int32)
    return tf.reshape(levels, [-1, logits.shape[1]])


def epsilon_mixed(logits, epsilon, seed):
    """Returns levels from a distribution that is, with some probability, a random one.

    For each instance, with probability `epsilon`, the selector's distribution is replaced by the
    softmax of uniform noise in [0, 1).

    Args:
        logits: float tensor `(batch, blocks, levels)`.
        epsilon: float or scalar tensor in [0, 1].
        seed: int tensor `(2,)`.

    Returns:
        int32 tensor `(batch, blocks)`.

    Reference: Ahn et al., 2019; the method's section 4.
    """
    coin_seed, noise_seed, level_seed = tf.unstack(tf.random.split(seed, 3))
    explores = tf.random.stateless_uniform([tf.shape(logits)[0], 1, 1], coin_seed) < epsilon
    noise = tf.random.stateless_uniform(tf.shape(logits), noise_seed)
    return sampled(tf.where(explores, noise, logits), level_seed)


def uniform(batch_size, num_blocks, num_levels, seed):
    """Returns levels drawn uniformly, int32 `(batch_size, num_blocks)`."""
    return tf.random.stateless_uniform(
        [batch_size, num_blocks], seed, maxval=num_levels, dtype=tf.int32
    )


def quotas(batch_size, num_blocks, num_levels, seed, turn=0):
    """Returns levels at random, in every block an equal share of the images at each.

    What a batch has beyond a multiple of the levels falls to a level that changes with block and
    turn, so that over turns every level has its share. Sizes of groups are then known before the
    levels are, and change little or not at all.

    Args:
        batch_size: int, or int32 scalar tensor.
        num_blocks: int.
        num_levels: int.
        seed: int tensor `(2,)`.
        turn: int or int scalar tensor, e.g. the step.

    Returns:
        levels: int32 tensor `(batch_size, num_blocks)`.
        sizes: how many images of each block have each level, for `plan_routes`: a list of lists of
            ints where they are the same at every turn, an int32 tensor `(num_blocks, num_levels)`
            where not, `None` where some may be 0.
    """
    with tf.device("CPU"):  # As `plan_routes`, and for the same reason.
        blocks = tf.range(num_blocks)[:, tf.newaxis]
        turn = tf.cast(turn, tf.int32)
        # Random orders of the images, one for each block.
        noise = tf.random.stateless_uniform([num_blocks, batch_size], seed)
        places, rest = tf.argsort(noise, axis=-1), batch_size % num_levels
        whole = batch_size - rest
        levels = tf.where(
            places < whole, places % num_levels, (places - whole + blocks + turn) % num_levels
        )
        if not isinstance(batch_size, int) or batch_size < num_levels:
            sizes = None
        elif not rest:
            sizes = [[batch_size // num_levels] * num_levels for _ in range(num_blocks)]
        else:
            is_more = (tf.range(num_levels) - blocks - turn) % num_levels < rest
            sizes = batch_size // num_levels + tf.cast(is_more, tf.int32)
        # Not by `tf.transpose`, see `plan_routes`.
        return tf.stack(tf.unstack(levels), axis=1), sizes


def fixed_model(batch_size, levels):
    """Returns the same model, a list of one level per block, for every instance."""
    levels = tf.cast(levels, tf.int32)
    return tf.broadcast_to(levels, [batch_size, levels.shape[0]])


def log_probability(logits, levels):
    """Returns the log-probability of each instance's model, float32 `(batch,)`.

    The sum over blocks of log-softmaxes, which unlike the log of a product cannot underflow.
    """
    chosen = tf.gather(tf.nn.log_softmax(logits), levels, axis=-1, batch_dims=2)
    return tf.reduce_sum(chosen, axis=-1)


def entropy(logits):
    """Returns the entropy of the choice in each block, nats, float32 `(batch, blocks)`."""
    log_probabilities = tf.nn.log_softmax(logits)
    return -tf.reduce_sum(tf.exp(log_probabilities) * log_probabilities, axis=-1)


def uniform_divergence(logits):
    """Returns KL(uniform || choice) in each block, nats, float32 `(batch, blocks)`."""
    num_levels = tf.cast(tf.shape(logits)[-1], logits.dtype)
    return -tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1) - tf.math.log(num_levels)


def straight_through(logits, temperature, seed):
    """Returns one-hot gates of levels drawn from the selector's distribution.

    Forward, exactly one level of each block has the gate 1, drawn as by `sampled`; backward, the
    gradient is that of a softmax of the same noisy logits. It is biased, less so at a low
    temperature, where it varies more.

    Args:
        logits: float tensor `(batch, blocks, levels)`.
        temperature: float above 0, of the softmax.
        seed: int tensor `(2,)`.

    Returns:
        Tensor of the shape and type of `logits`.

    Reference: Jang et al., 2017 (arXiv 1611.01144).
    """
    # Above 0, for the logarithm; the largest float32 below 1 is 1 - 6e-8.
    noise = tf.random.stateless_uniform(tf.shape(logits), seed, minval=1e-7, dtype=logits.dtype)
    noisy = logits - tf.math.log(-tf.math.log(noise))
    soft = tf.nn.softmax(noisy / temperature)
    hard = tf.one_hot(tf.argmax(noisy, axis=-1), logits.shape[-1], dtype=logits.dtype)
    return hard + soft - tf.stop_gradient(soft)


# 1 is where, in an average block, the cheapest level is worth as much as the best.
_HIGHEST_PRICE = 2.0


def randomly_priced(logits, block_shares, seed):
    """Returns logits less the MACs of each level, at a price drawn for each image.

    Prices are uniform up to twice what outweighs the logits in an average block, half of them
    below zero. Choices range from cheap to dear, as a budget's do; see `priced_greedy`.

    Args:
        logits: float tensor `(batch, blocks, levels)`, of the selector.
        block_shares: float array `(blocks, levels)`, as of `priced_greedy`.
        seed: int tensor `(2,)`.

    Returns:
        Tensor `(batch, blocks, levels)` of the same type, without a gradient.
    """
    shares = tf.cast(block_shares, logits.dtype)
    logits = tf.stop_gradient(logits)
    lead = tf.reduce_mean(_range(logits), axis=-1) / tf.reduce_mean(_range(shares))
    drawn = tf.random.stateless_uniform(tf.shape(lead), seed, -1.0, 1.0, logits.dtype)
    prices = _HIGHEST_PRICE * lead * drawn
    return logits - prices[:, tf.newaxis, tf.newaxis] * shares


def _range(values):
    return tf.reduce_max(values, axis=-1) - tf.reduce_min(values, axis=-1)


_BISECTIONS = 100


def random_at_cost(size, block_costs, mean_cost, seed=0):
    """Draws models at random whose cost has a wanted mean.

    Every block draws its level by itself, with a probability that falls or rises exponentially with
    the level's cost: of all distributions with that mean, the one of the greatest entropy.

    Args:
        size: int >= 1. How many models.
        block_costs: float array `(blocks, levels)`. The cost of a model is a sum over blocks.
        mean_cost: float. The expected cost; brought within what is possible.
        seed: int. Defaults to 0.

    Returns:
        int32 array `(size, blocks)`.

    Reference: Jaynes, 1957, on distributions of maximal entropy.
    """
    costs = np.asarray(block_costs, np.float64)
    # In units in which all prices of interest are of the order of 1.
    costs = costs / max(costs.sum(axis=0).max(), 1e-12)
    wanted = mean_cost / max(np.asarray(block_costs, np.float64).sum(axis=0).max(), 1e-12)
    low, high = -1e4, 1e4
    for _ in range(_BISECTIONS):
        price = (low + high) / 2
        expected = np.sum(_probabilities(costs, price) * costs)
        low, high = (price, high) if expected > wanted else (low, price)
    ends = np.cumsum(_probabilities(costs, price), axis=1)
    draws = np.random.default_rng(seed).random((size, len(costs), 1))
    levels = np.sum(draws > ends[np.newaxis, :, :-1], axis=2)
    return levels.astype(np.int32)


def _probabilities(costs, price):
    logits = -price * costs
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)
