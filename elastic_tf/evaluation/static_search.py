"""The best fixed model within a budget of MACs: what choosing per image has to beat."""

import numpy as np


def best_static(accuracy, block_macs, fixed_macs, max_macs, candidates=(), evaluations=60, seed=0):
    """Searches for the most accurate model that costs at most so much.

    Known candidates first: every level used everywhere, and those given. Then an evolutionary
    search: of the best models found so far one is taken, some of its blocks are changed, what
    exceeds the budget is made narrower and what falls below it wider at random blocks, until the
    evaluations are used up.

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

    Reference: Real et al., 2019, "Regularized evolution", without its ageing.
    """
    search = _Search(accuracy, np.asarray(block_macs), fixed_macs, max_macs, evaluations, seed)
    blocks, levels = search.block_macs.shape
    if search.macs(np.zeros(blocks, int)) > max_macs:
        raise ValueError(
            f"`max_macs` must allow the cheapest model, {search.macs(np.zeros(blocks, int))} MACs. "
            f"Received: {max_macs=}"
        )
    for level in range(levels):
        search.try_model(np.full(blocks, level))
    for candidate in candidates:
        search.try_model(np.asarray(candidate))
    return search.run()


class _Search:
    _PARENTS = 5
    # In a row, of models that are known already: then there are hardly any others.
    _MAX_REPEATS = 200

    def __init__(self, accuracy, block_macs, fixed_macs, max_macs, evaluations, seed):
        self.accuracy = accuracy
        self.block_macs = block_macs
        self.fixed_macs = fixed_macs
        self.max_macs = max_macs
        self.evaluations = evaluations
        self.generator = np.random.default_rng(seed)
        self.found = {}

    def macs(self, levels):
        return int(self.fixed_macs + self.block_macs[np.arange(len(levels)), levels].sum())

    def try_model(self, levels):
        """Evaluates a model that is new and within the budgets; returns whether it did."""
        key = tuple(int(level) for level in levels)
        if key in self.found or self.macs(levels) > self.max_macs:
            return False
        if len(self.found) >= self.evaluations:
            return False
        self.found[key] = float(self.accuracy(np.array(key, np.int32)))
        return True

    def run(self):
        repeats = 0
        while len(self.found) < self.evaluations and repeats < self._MAX_REPEATS:
            repeats = 0 if self.try_model(self._child()) else repeats + 1
        best = min(self.found, key=lambda levels: (-self.found[levels], self.macs(levels)))
        return {
            "levels": list(best),
            "accuracy": self.found[best],
            "macs": self.macs(best),
            "evaluations": len(self.found),
        }

    def _child(self):
        parents = sorted(self.found, key=self.found.get, reverse=True)[: self._PARENTS]
        child = np.array(parents[self.generator.integers(len(parents))])
        blocks, levels = self.block_macs.shape
        changes = min(blocks, self.generator.integers(1, 3))
        for block in self.generator.choice(blocks, changes, replace=False):
            child[block] = self.generator.integers(levels)
        return self._fill(self._shrink(child))

    def _shrink(self, child):
        while self.macs(child) > self.max_macs:
            child[self.generator.choice(np.flatnonzero(child))] -= 1
        return child

    def _fill(self, child):
        """Widens blocks in a random order while the budget allows it."""
        for block in self.generator.permutation(len(child)):
            while child[block] < self.block_macs.shape[1] - 1:
                child[block] += 1
                if self.macs(child) > self.max_macs:
                    child[block] -= 1
                    break
        return child
