"""What a model earns the selector: rewards, and how they compare."""

import tensorflow as tf

from elastic_tf import replicas

BASELINES = ("leave_one_out", "none")


def advantages(rewards, baseline="leave_one_out"):
    """Returns the rewards less their baseline.

    Args:
        rewards: float32 tensor `(samples, batch)`: of several models drawn for each instance.
        baseline: `"leave_one_out"`: the mean over an instance's other samples, which needs at
            least two; `"none"`: the bare rewards, as in the paper.

    Returns:
        float32 tensor `(samples, batch)`.

    Reference: Kool et al., 2019, "Buy 4 REINFORCE samples, get a baseline for free".
    """
    if baseline == "none":
        return rewards
    others = tf.reduce_sum(rewards, axis=0, keepdims=True) - rewards
    return rewards - others / (rewards.shape[0] - 1)


COSTS = ("density", "macs")
CREDITS = ("instance", "batch")


def reward(loss, cost, price, credit="instance", exponent=2.0):
    """Returns `(1 - cost^exponent) * price - loss + 1`.

    Args:
        loss: float32 tensor `(..., batch)`, cross-entropy, nats.
        cost: float32 tensor `(..., batch)`. Density, or share of the full model's MACs.
        price: float or scalar tensor >= 0, of MACs: the paper's `1 / rho`. The larger, the more
            cost weighs against accuracy.
        credit: `"instance"`: every instance pays its own cost; `"batch"`: all pay the batch's
            mean, as in the authors' program.
        exponent: float >= 1. 2 is the paper's. Above 1, what an image spends beyond the others
            costs more than what it saves below them, which draws all to the same cost; at 1 only
            the mean counts.

    Returns:
        float32 tensor `(..., batch)`.

    Reference: Ahn et al., 2019; the method's sections 4 and 5.3.
    """
    if credit == "batch":
        cost = replicas.mean(tf.reduce_mean(cost, axis=-1, keepdims=True))
    return (1.0 - tf.pow(cost, exponent)) * price - loss + 1.0
