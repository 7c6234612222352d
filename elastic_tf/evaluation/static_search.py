"""The best fixed model within a budget of MACs: what choosing per image has to beat."""

import numpy as np

from elastic_tf.evaluation.model_search import ModelSearch


def best_static(accuracy, block_macs, fixed_macs, max_macs, candidates=(), evaluations=60, seed=0):
    """Searches for the most accurate model that costs at most so much.

    Known candidates first: every level used everywhere, and those given. Then an evolutionary
    search, see `ModelSearch`, until the evaluations are used up.

    Args:
        accuracy: function from levels, an int array `(blocks,)`, to a share in [0, 1].
        block_macs: int array `(blocks, levels)`, not falling with the level.
        fixed_macs: int. MACs of stem and head.
        max_macs: int. What the model may cost, MACs.
        candidates: iterable of int sequences `(blocks,)`. Too expensive ones are left out.
        evaluations: int >= 1. How often `accuracy` may be called. Defaults to 60.
        seed: int. Defaults to 0.

    Returns:
        Dict: `levels`, a list of int; `accuracy`; `macs`; `evaluations`, those used.

    Raises:
        ValueError: if not even the cheapest model is within the budget.
    """
    search = ModelSearch(accuracy, block_macs, fixed_macs, seed)
    search.check_limit("max_macs", max_macs)
    search.try_uniform(max_macs, evaluations)
    for candidate in candidates:
        if len(search.found) < evaluations:
            search.try_model(np.asarray(candidate), max_macs)
    search.run([max_macs], evaluations)
    return search.best() | {"evaluations": len(search.found)}
