"""Models all along the selector's range of costs, at prices of MACs drawn for each image."""

import tensorflow as tf

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
