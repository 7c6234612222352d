"""What the selector is rewarded for: right answers at low cost."""

import tensorflow as tf

COSTS = ("density", "macs")
CREDITS = ("instance", "batch")


def reward(cross_entropy, cost, price, credit="instance", exponent=2.0):
    """Returns `(1 - cost^exponent) * price - cross_entropy + 1`.

    Args:
        cross_entropy: float32 tensor `(..., batch)`, nats.
        cost: float32 tensor `(..., batch)`. Density, or share of the full model's MACs.
        price: float or scalar tensor >= 0, of compute: the paper's `1 / rho`. The larger, the more
            cost weighs against accuracy.
        credit: `"instance"`: every instance pays its own cost; `"batch"`: all pay the batch's
            mean, as in the authors' program.
        exponent: float >= 1. 2 is the paper's. Above 1, what an image spends beyond the others
            costs more than what it saves below them, which draws all to the same cost; at 1 only
            the mean counts.

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
    return (1.0 - tf.pow(cost, exponent)) * price - cross_entropy + 1.0


def model_costs(table, levels, kind):
    """Returns what models cost, as rewards charge it, float32 `(...)`.

    Args:
        table: a `CostTable`.
        levels: int tensor `(..., blocks)`.
        kind: `"density"` or `"macs"` (the share of the full model's, without the selector's).
    """
    return table.density(levels) if kind == "density" else table.macs_share(levels, False)


def gated_costs(table, gates, kind):
    """Returns `model_costs` of gates, float32 `(..., blocks, levels)`; differentiable."""
    return table.gated_density(gates) if kind == "density" else table.gated_macs_share(gates, False)
