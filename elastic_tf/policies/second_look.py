"""A second look: a dearer model for images of which a cheaper one is unsure."""

import dataclasses
import itertools

import numpy as np
import tensorflow as tf

from elastic_tf.policies.budget import check_budget_number

# What keeps to a budget of MACs.
SECOND_LOOK, SELECTOR = "second_look", "selector"
POLICIES = (SECOND_LOOK, SELECTOR)

_ALL = 2.0  # No probability is as large.
_ROUNDING = 1e-9  # Of sums over images.


@dataclasses.dataclass(frozen=True)
class SecondLook:
    """A first model for every image, and a second one where the first is unsure of its answer.

    The features in front of the first block at which the two models differ are kept, so that only
    what follows runs again.

    Args:
        first, second: tuples of int, the levels of every block.
        threshold: float. An image is looked at again where the largest probability of the first
            answer is below it: none at 0, all above 1.
        temperature: float > 0, by which the first model's logits are divided for that probability.
            Defaults to 1.

    Raises:
        ValueError: if the models have not the same number of blocks, or the temperature is not
            above 0.

    Reference: Park et al., 2015, "Big/little deep neural network for ultra low power inference";
        Guo et al., 2017, "On calibration of modern neural networks" (arXiv 1706.04599).
    """

    first: tuple
    second: tuple
    threshold: float
    temperature: float = 1.0

    def __post_init__(self):
        for name in ("first", "second"):
            levels = tuple(int(level) for level in getattr(self, name))
            object.__setattr__(self, name, levels)
        for name in ("threshold", "temperature"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if len(self.first) != len(self.second):
            raise ValueError(
                "`first` and `second` must have the same number of blocks. "
                f"Received: first={self.first}, second={self.second}"
            )
        if not self.temperature > 0:
            raise ValueError(
                f"`temperature` must be above 0. Received: temperature={self.temperature}"
            )

    def __str__(self):
        first, second = ("-".join(map(str, levels)) for levels in (self.first, self.second))
        return f"model {first}, and {second} where it is less than {self.threshold:.3f} sure"

    @property
    def num_kept(self):
        """int, blocks in front of the first one at which the models differ."""
        differs = [a != b for a, b in zip(self.first, self.second, strict=True)]
        return [*differs, True].index(True)

    def is_unsure(self, logits):
        """Returns which images are looked at again, bool tensor `(images,)`.

        Args:
            logits: float32 array or tensor `(images, classes)`, the first model's.
        """
        return confidence(logits, self.temperature) < self.threshold

    def levels_of(self, seen_twice):
        """Returns the levels of the model whose answer counts, int32 tensor `(images, blocks)`.

        Args:
            seen_twice: bool tensor `(images,)`.
        """
        second = tf.cast(seen_twice, tf.int32)[:, tf.newaxis]
        return second * tf.constant(self.second) + (1 - second) * tf.constant(self.first)

    def macs(self, table):
        """Returns the MACs of a first look, and those that a second adds, two ints.

        Args:
            table: the task's `CostTable`.
        """
        blocks = np.arange(table.num_blocks)
        first = table.block_macs[blocks, list(self.first)].sum() + table.fixed_macs
        again = table.block_macs[blocks, list(self.second)][self.num_kept :].sum()
        return int(first), int(again + table.head_macs)

    def macs_share(self, table, seen_twice):
        """Returns the share of the full model's MACs that each image costs, float `(images,)`.

        Args:
            table: the task's `CostTable`.
            seen_twice: bool array `(images,)`.
        """
        first, again = self.macs(table)
        return (first + again * np.asarray(seen_twice)) / table.full_macs


def confidence(logits, temperature=1.0):
    """Returns the largest probability of every answer, float32 tensor `(images,)`.

    Args:
        logits: float32 array or tensor `(images, classes)`.
        temperature: float > 0. Defaults to 1.
    """
    return tf.reduce_max(tf.nn.softmax(tf.convert_to_tensor(logits) / temperature), axis=-1)


class SecondLookCalibration:
    """The second looks of one task, for budgets.

    Args:
        budgets: sequence of floats > 0, increasing, at least one. The mean MACs per image that each
            keeps to, as shares of the full model's.
        looks: sequence of as many `SecondLook`s.
        accuracies: sequence of as many floats in [0, 1], which they are expected to have.

    Raises:
        ValueError: if an argument is not usable.
    """

    def __init__(self, budgets, looks, accuracies):
        self.budgets, self.looks = np.asarray(budgets, np.float64), list(looks)
        self.accuracies = np.asarray(accuracies, np.float64)
        lengths = len(self.budgets), len(self.looks), len(self.accuracies)
        if len(set(lengths)) > 1 or not self.looks:
            raise ValueError(
                "`budgets`, `looks` and `accuracies` must be of the same length, at least one. "
                f"Received: {', '.join(map(str, lengths))}"
            )
        if not self.budgets[0] > 0 or not np.all(np.diff(self.budgets) > 0):
            raise ValueError(f"`budgets` must be increasing and > 0. Received: {budgets=}")

    def look(self, budget):
        """Returns the `SecondLook` for a budget: that of the nearest budget not above it.

        A budget below the cheapest gets the cheapest.

        Args:
            budget: float in (0, 1].
        """
        return self.looks[max(0, int(np.searchsorted(self.budgets, budget, side="right")) - 1)]

    def reaches(self, budget):
        """Returns whether a budget is not below the cheapest."""
        return bool(self.budgets[0] <= budget)

    def as_arrays(self):
        """Returns all of it in two arrays, which `from_arrays` takes."""
        models = np.array([(look.first, look.second) for look in self.looks], np.int32)
        numbers = [(look.threshold, look.temperature) for look in self.looks]
        return models, np.column_stack([self.budgets, self.accuracies, numbers])

    @classmethod
    def from_arrays(cls, models, numbers):
        """Makes it of what `as_arrays` returned."""
        models, numbers = np.asarray(models), np.asarray(numbers)
        budgets, accuracies, *settings = numbers.T
        pairs = zip(models, zip(*settings, strict=True), strict=True)
        return cls(budgets, [SecondLook(*pair, *of) for pair, of in pairs], accuracies)


def is_second_look(policy, budget):
    """Returns whether a second look keeps to a budget, in place of the selector; `None` needs none.

    Args:
        policy: `"second_look"` or `"selector"`.
        budget: float, scalar tensor or `None`.

    Raises:
        ValueError: if the policy is unknown, or the budget of a second look is a tensor: its models
            are constants of the graph.
    """
    if policy not in POLICIES:
        raise ValueError(f"`policy` must be one of {POLICIES}. Received: {policy=}")
    if policy == SELECTOR or budget is None:
        return False
    if tf.is_tensor(budget):
        raise ValueError(
            f"`policy` must be '{SELECTOR}' where `budget` is a tensor. Received: {policy=}"
        )
    return True


def look_at_budget(budget, calibration=None):
    """Returns the `SecondLook` that keeps to a budget.

    Args:
        budget: float in (0, 1].
        calibration: a `SecondLookCalibration`, or `None` if there is none.

    Raises:
        ValueError: if there is no calibration, or the budget is no such number.
    """
    check_budget_number(budget)
    if calibration is None:
        raise ValueError(
            f"`policy` must be '{SELECTOR}' where the network has no second looks for the task; "
            "`calibrate_second_looks` sets them, as `evaluate --calibrate` does. "
            f"Received: policy='{SECOND_LOOK}', budget={budget}"
        )
    return calibration.look(budget)


def best_second_looks(models, temperatures, confidences, worth, table, max_macs):
    """Returns for several costs the pair and threshold that are worth most.

    Args:
        models: sequence of int sequences `(blocks,)`.
        temperatures: sequence of as many floats, by which the logits of each are divided.
        confidences: float array `(models, images)`, largest probability of each one's answer then.
        worth: float array `(models, images)`, of each one's answer: 1 if it is right, else 0, or an
            expectation of that.
        table: the task's `CostTable`.
        max_macs: sequence of float, the most that an image may cost in the mean, MACs.

    Returns:
        List with a `SecondLook` for each cost; of equals the first found, those without a second
        look before others. And what each is worth, the mean over images, float array `(costs,)`.

    Raises:
        ValueError: if no model is as cheap as one of the costs.
    """
    max_macs = np.asarray(max_macs, np.float64)
    orders = np.argsort(confidences, axis=-1, kind="stable")
    ranked = np.take_along_axis(np.asarray(confidences), orders, axis=-1)
    worth = np.asarray(worth, np.float64)
    best, most = [None] * len(max_macs), np.full(len(max_macs), -np.inf)
    for i, j in _pairs(len(models)):
        look = SecondLook(models[i], models[j], 0.0, temperatures[i])
        once, again = look.macs(table)
        if i == j:
            counts, gains = np.zeros(len(max_macs), int), 0
        else:
            allowed = np.clip((max_macs - once) / again, 0, 1) * orders.shape[-1]
            counts, gains = _best_counts(worth[j] - worth[i], orders[i], allowed)
        found = np.where(max_macs >= once, np.sum(worth[i]) + gains, -np.inf)
        for n in np.flatnonzero(found > most + _ROUNDING):
            best[n] = dataclasses.replace(look, threshold=_threshold(ranked[i], counts[n]))
            most[n] = found[n]
    if None in best:
        raise ValueError(
            f"`max_macs` must allow the cheapest of `models`. Received: max_macs={max_macs.min()}"
        )
    return best, most / orders.shape[-1]


def _best_counts(gains, order, allowed):
    """Returns how many of the least sure images gain most by a second look, and what they gain.

    Args:
        gains: float array `(images,)`, of a second look at each.
        order: int array `(images,)`, the images, the least sure first.
        allowed: float array `(costs,)`, how many a cost allows.
    """
    gains = np.cumsum(np.append(0, gains[order]))
    is_best = gains > np.append(-np.inf, np.maximum.accumulate(gains)[:-1] + _ROUNDING)
    counts = np.maximum.accumulate(np.where(is_best, np.arange(len(gains)), 0))
    counts = counts[allowed.astype(int)]
    return counts, gains[counts]


def _threshold(ranked, count):
    """Returns a threshold below which so many of the images are.

    Between two images' confidences, where rounding tips neither over.

    Args:
        ranked: float array `(images,)`, rising.
        count: int in [0, images].
    """
    if not count:
        return 0.0
    if count == len(ranked):
        return _ALL
    low, high = float(ranked[count - 1]), float(ranked[count])
    return low + (high - low) / 2


def _pairs(count):
    """Returns pairs of numbers, those of a number with itself first."""
    same = [(index, index) for index in range(count)]
    return same + list(itertools.permutations(range(count), 2))
