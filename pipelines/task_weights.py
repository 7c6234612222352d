"""How many images of each task a step has, so that none starves and none is over-run."""

import math

# Weight of a task as a power of its number of training images.
_EXPONENTS = {"equal": 0.0, "sqrt": 0.5, "proportional": 1.0}

RULES = tuple(_EXPONENTS)


def weights_by_size(rule, sizes):
    """Returns the weight of every task, a dict.

    Args:
        rule: `"equal"`; `"sqrt"`, the square root of the number of training images; or
            `"proportional"` to it, by which all tasks finish their epochs together.
        sizes: dict from task name to its number of training images, int >= 1.

    Raises:
        ValueError: if there is no such rule.
    """
    if rule not in _EXPONENTS:
        raise ValueError(f"`rule` must be one of {', '.join(RULES)}. Received: {rule=}")
    return {name: size ** _EXPONENTS[rule] for name, size in sizes.items()}


def divide_batch(total, weights):
    """Divides the images of a step between tasks, in proportion to their weights.

    Every task has at least one image, and the sizes add up to `total`: what rounding down leaves
    over goes to those that are furthest below their share.

    Args:
        total: int, at least the number of tasks. Images of all tasks in a step.
        weights: dict from task name to float > 0.

    Returns:
        Dict from task name to int >= 1.

    Raises:
        ValueError: if a weight is not positive and finite, or `total` is too small.
    """
    if not weights or any(not 0 < weight < math.inf for weight in weights.values()):
        raise ValueError(f"`weights` must be positive and finite. Received: {weights=}")
    if total < len(weights):
        raise ValueError(
            f"`total` must be at least one image for each of {len(weights)} tasks. "
            f"Received: {total=}"
        )
    ideal = {name: total * weight / sum(weights.values()) for name, weight in weights.items()}
    sizes = {name: max(1, int(share)) for name, share in ideal.items()}
    while sum(sizes.values()) < total:
        sizes[max(sizes, key=lambda name: ideal[name] - sizes[name])] += 1
    while sum(sizes.values()) > total:
        # Those that were lifted to one image are paid for by the best off.
        payers = [name for name in sizes if sizes[name] > 1]
        sizes[min(payers, key=lambda name: ideal[name] - sizes[name])] -= 1
    return sizes
