"""The search for the best fixed models of a trained network."""

import itertools
import math

import numpy as np

EVOLUTION, RANDOM = "evolution", "random"
ALGORITHMS = (EVOLUTION, RANDOM)


class ModelSearch:
    """The models that have been tried, and ways to come to more.

    Args:
        accuracy: function from levels, an int array `(blocks,)`, to a share in [0, 1].
        table: the task's `CostTable`, whose MACs must not fall with the level.
        seed: int. Defaults to 0.

    Attributes:
        found: dict from the levels of each model tried, a tuple of int, to its accuracy.

    Reference: Cai et al., 2020, "Once-for-All" (arXiv 1908.09791), for search after training; Real
        et al., 2019, "Regularized evolution", without its ageing.
    """

    _PARENTS = 5
    # Of the prediction: how near in cost, a share of the full model's, and how cautious.
    _NEARNESS, _RIDGE = 0.2, 0.1
    # In a row, of models that are known already: then there are hardly any others.
    _MAX_REPEATS = 200

    def __init__(self, accuracy, table, seed=0):
        self.accuracy = accuracy
        self.table = table
        self.generator = np.random.default_rng(seed)
        self.found = {}

    def macs(self, levels):
        """Returns the MACs of a model, an int."""
        blocks = self.table.block_macs[np.arange(len(levels)), list(levels)]
        return self.table.fixed_macs + int(blocks.sum())

    def try_model(self, levels, max_macs=math.inf):
        """Evaluates a model if it is new and within a limit; returns whether it did."""
        key = tuple(int(level) for level in levels)
        if key in self.found or self.macs(key) > max_macs:
            return False
        self.found[key] = float(self.accuracy(np.array(key, np.int32)))
        return True

    def try_uniform(self, evaluations=math.inf):
        """Tries every level used everywhere, as far as the total of evaluations goes."""
        blocks, levels = self.table.block_macs.shape
        for level in range(levels):
            if len(self.found) < evaluations:
                self.try_model(np.full(blocks, level))

    def try_all(self, evaluations):
        """Tries every model there is, if they are no more than so many; otherwise none."""
        blocks, levels = self.table.block_macs.shape
        if levels**blocks <= evaluations:
            for model in itertools.product(range(levels), repeat=blocks):
                self.try_model(model)

    def run(self, limits, evaluations, algorithm=EVOLUTION):
        """Tries new models within each of several limits in turns, as near to it as can be.

        Args:
            limits: sequence of int, MACs, at least one. With `"evolution"` at least one model
                within each has been tried.
            evaluations: int. Models tried in all at the end, those of before included.
            algorithm: `"evolution"`, the model that a sum over blocks predicts to be the best, and
                where that is known, one of the best found so far, changed at one block or two; or
                `"random"`. What exceeds the limit is made narrower and what falls below it wider,
                at random blocks.
        """
        make = self._child if algorithm == EVOLUTION else self._stranger
        turn = repeats = 0
        while len(self.found) < evaluations and repeats < self._MAX_REPEATS * len(limits):
            max_macs = limits[turn % len(limits)]
            is_new = self.try_model(self._fit(make(max_macs), max_macs), max_macs)
            repeats = 0 if is_new else repeats + 1
            turn += 1

    def tried(self):
        """Returns the models tried, a list of dicts in their order.

        They have `levels`, a list of int, `macs_share`, of the full model's, and
        `validation_accuracy`.
        """
        return [
            {
                "levels": list(levels),
                "macs_share": self.macs(levels) / self.table.full_macs,
                "validation_accuracy": accuracy,
            }
            for levels, accuracy in self.found.items()
        ]

    def best(self, max_macs=math.inf):
        """Returns the most accurate model tried within a limit, of equals the cheapest.

        Returns:
            Dict of `levels`, a list of int, `accuracy`, and `macs`, an int.
        """
        allowed = [levels for levels in self.found if self.macs(levels) <= max_macs]
        best = min(allowed, key=lambda levels: (-self.found[levels], self.macs(levels)))
        return {"levels": list(best), "accuracy": self.found[best], "macs": self.macs(best)}

    def _child(self, max_macs):
        """Returns the model that is predicted to be the best if it is new, or a mutant."""
        predicted = self._predicted(max_macs)
        if predicted is not None:
            predicted = self._fill(predicted, max_macs)
            if tuple(predicted) not in self.found:
                return predicted
        return self._mutant(max_macs)

    def _predicted(self, max_macs):
        """Returns what would be best if accuracy were a sum over blocks; `None` if nothing fits.

        The sum is fitted to the models tried, those of about the cost first (ridge regression).
        """
        blocks, levels = self.table.block_macs.shape
        macs = np.array([self.macs(model) for model in self.found])
        weights = np.exp(-np.abs(macs - max_macs) / (self._NEARNESS * self.table.full_macs))
        chosen = np.eye(levels)[np.array(list(self.found))].reshape(len(macs), -1)
        accuracies = np.array(list(self.found.values()))
        mean = np.average(accuracies, weights=weights)
        weighted = chosen * weights[:, np.newaxis]
        moments = weighted.T @ chosen + self._RIDGE * np.eye(blocks * levels)
        worth = np.linalg.solve(moments, weighted.T @ (accuracies - mean)).reshape(blocks, levels)
        for price in np.geomspace(1e-4, 1e2, 200):
            best = np.argmax(worth - price * self.table.block_shares, axis=-1)
            if self.macs(best) <= max_macs:
                return best
        return None

    def _mutant(self, max_macs):
        allowed = [levels for levels in self.found if self.macs(levels) <= max_macs]
        parents = sorted(allowed, key=self.found.get, reverse=True)[: self._PARENTS]
        child = np.array(parents[self.generator.integers(len(parents))])
        blocks, levels = self.table.block_macs.shape
        changes = min(blocks, self.generator.integers(1, 3))
        for block in self.generator.choice(blocks, changes, replace=False):
            child[block] = self.generator.integers(levels)
        return child

    def _stranger(self, max_macs):
        blocks, levels = self.table.block_macs.shape
        return self.generator.integers(levels, size=blocks)

    def _fit(self, child, max_macs):
        while self.macs(child) > max_macs:
            child[self.generator.choice(np.flatnonzero(child))] -= 1
        return self._fill(child, max_macs)

    def _fill(self, child, max_macs):
        """Widens blocks in a random order while the limit allows it."""
        for block in self.generator.permutation(len(child)):
            while child[block] < self.table.num_levels - 1:
                child[block] += 1
                if self.macs(child) > max_macs:
                    child[block] -= 1
                    break
        return child


def check_budgets(budgets, table, task):
    """Checks that fixed models can be searched for within budgets.

    Args:
        budgets: iterable of float, see `search_fixed_models`.
        table: the task's `CostTable`.
        task: str.

    Raises:
        ValueError: unless they are numbers in (0, 1], each once, that allow the cheapest model.
    """
    budgets = list(budgets)
    in_range = all(0 < budget <= 1 for budget in budgets)
    if not budgets or not in_range or len(set(budgets)) < len(budgets):
        raise ValueError(f"`budgets` must be numbers in (0, 1], each once. Received: {budgets=}")
    cheapest = (table.fixed_macs + int(table.block_macs[:, 0].sum())) / table.full_macs
    if min(budgets) < cheapest:
        raise ValueError(
            f"`budgets` must allow the cheapest model of '{task}', {cheapest:.4f}. "
            f"Received: {budgets=}"
        )


def search_fixed_models(
    held_out, test, budgets, evaluations=300, algorithm=EVOLUTION, seed=0, progress=None
):
    """Searches a trained network for the best fixed model of one task within each budget.

    Nothing is trained: models share their weights, and each is evaluated as it is, on held-out
    images; all of them where they are no more than `evaluations`. What has been found is measured
    on test images once, at the end, beside the selector's choice.

    Args:
        held_out, test: `Answers` of the task on validation and test images.
        budgets: iterable of float in (0, 1], each once: what a model may cost, as a share of the
            full model's MACs. A fixed model needs no selector.
        evaluations: int >= 1. Models to try. Defaults to 300.
        algorithm: how new models are found, one of `ALGORITHMS`, see `ModelSearch.run`.
        seed: int. Defaults to 0.
        progress: function of the number of models tried, called about five times; or `None`.

    Returns:
        Dict of plain Python values; accuracies and shares are in [0, 1].

        | key | value |
        | --- | --- |
        | `num_models` | how many there are |
        | `tried` | list of dicts `levels`, `macs_share`, `validation_accuracy`, in their order |
        | `best` | list of dicts, one for each budget, rising: `budget`, `levels`, `macs_share`,
          `validation_accuracy`, `test_accuracy` |
        | `selector` | dict `macs_share`, selector included, `validation_accuracy`,
          `test_accuracy` |

    Raises:
        ValueError: see `check_budgets`.
    """
    table = held_out.table
    check_budgets(budgets, table, held_out.task)
    search = ModelSearch(lambda levels: held_out.of_model(levels)[0].mean(), table, seed)
    max_macs = {budget: budget * table.full_macs for budget in sorted(budgets)}
    search.try_uniform(evaluations)
    search.try_all(evaluations)
    num_models, part = table.num_levels**table.num_blocks, max(1, evaluations // 5)
    for stop in [*range(part, evaluations, part), evaluations]:
        search.run(list(max_macs.values()), stop, algorithm)
        if progress is not None:
            progress(len(search.found))
        if len(search.found) < stop or len(search.found) == num_models:
            break  # There are no others, or hardly any.
    best = {budget: search.best(macs)["levels"] for budget, macs in max_macs.items()}
    chosen = test.choose()
    return {
        "num_models": num_models,
        "tried": search.tried(),
        "best": [
            {"budget": budget, "levels": levels}
            | {"macs_share": search.macs(levels) / table.full_macs}
            | _accuracies(held_out, test, levels, levels)
            for budget, levels in best.items()
        ],
        "selector": {"macs_share": float(table.macs_share(chosen).numpy().mean())}
        | _accuracies(held_out, test, held_out.choose(), chosen),
    }


def _accuracies(held_out, test, on_validation, on_test):
    return {
        "validation_accuracy": float(held_out.are_right(on_validation).mean()),
        "test_accuracy": float(test.are_right(on_test).mean()),
    }
