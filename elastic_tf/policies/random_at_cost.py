"""Random models of a wanted mean cost."""

import numpy as np

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
