"""The straight-through Gumbel-softmax: a draw that gradients pass through."""

import tensorflow as tf


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
