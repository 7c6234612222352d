"""What the selector is rewarded for: right answers at low cost."""

import tensorflow as tf

COSTS = ("density", "macs")
CREDITS = ("instance", "batch")


def reward(cross_entropy, cost, rho, credit="instance"):
    """Returns `(1 - cost^2) / rho - cross_entropy + 1`.

    Args:
        cross_entropy: float32 tensor `(..., batch)`, nats.
        cost: float32 tensor `(..., batch)`. Density, or share of the full model's MACs.
        rho: float above 0. The larger, the less cost weighs against accuracy.
        credit: `"instance"`: every instance pays its own cost; `"batch"`: all pay the batch's
            mean, as in the authors' program.

    Returns:
        float32 tensor `(..., batch)`.

    Raises:
        ValueError: if `credit` is unknown.

    Reference: Ahn et al., 2019; the method's sections 4 and 5.3.
    """
    if credit not in CREDITS:
        raise ValueError(f"`credit` must be one of {CREDITS}. Received: {credit=}")
    if credit == "batch":
        cost = tf.reduce_mean(cost, axis=-1, keepdims=True)
    return (1.0 - tf.square(cost)) / rho - cross_entropy + 1.0
