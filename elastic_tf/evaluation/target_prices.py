"""The last step towards a target of MACs: prices that meet it on images held out."""

import numpy as np

from elastic_tf.policies.budget import priced_greedy


def target_prices(logits, tables, targets, scope="task"):
    """Returns the price for every task at which its selector's choice meets its target.

    Training adapts its own price by the noisy shares of batches, and ends near the target, not on
    it; what is left of the way is small.

    Args:
        logits: dict from task name to float array `(images, blocks, levels)`, of the selector.
        tables: dict from task name to its `CostTable`.
        targets: dict from task name to the mean share of MACs wanted, selector included.
        scope: `"task"`: a price for each task; `"all"`: the same for all, at which the mean of
            their shares meets the mean of the targets.

    Returns:
        Dict from task name to float, as `priced_greedy` takes it. A target that cannot be reached
        gets the price of the nearest that can, as far as a price of that size goes.
    """
    if scope == "task":
        return {task: _price({task: logits[task]}, tables, targets[task]) for task in targets}
    mean_target = np.mean(list(targets.values()))
    price = _price({task: logits[task] for task in targets}, tables, mean_target)
    return dict.fromkeys(targets, price)


def _price(logits, tables, target):
    def mean_share(price):
        shares = []
        for task, scores in logits.items():
            table = tables[task]
            levels = priced_greedy(scores, table.block_shares, price)
            shares.append(np.mean(table.macs_share(levels)))
        return np.mean(shares)

    # Enough to turn around the largest difference between logits, for a block of 1 % of the MACs.
    reach = 200 * max(float(np.ptp(scores)) for scores in logits.values()) + 1
    # In float32, as prices are used; else both ends could turn out the same price.
    low, high = np.float32(-reach), np.float32(reach)
    while low < (price := (low + high) / np.float32(2)) < high:
        low, high = (price, high) if mean_share(price) > target else (low, price)
    # Between the means on either side of a jump, the nearer.
    return float(min((low, high), key=lambda price: abs(mean_share(price) - target)))
