"""Policies: from the selector's logits to levels, and the probabilities behind them.

All take logits `(batch, blocks, levels)` and return int32 levels `(batch, blocks)`. Seeds are int
tensors `(2,)`; the same seed gives the same levels.
"""

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


def fixed_level(batch_size, num_blocks, level):
    """Returns the same level for every block of every instance."""
    return tf.fill([batch_size, num_blocks], level)


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
