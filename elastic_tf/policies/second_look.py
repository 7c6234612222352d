"""A second look: a dearer model for images of which a cheaper one is unsure."""

import dataclasses
import itertools

import numpy as np

_ALL = 2.0  # No probability is as large.


@dataclasses.dataclass(frozen=True)
class SecondLook:
    """A first model for every image, and a second one where the first is unsure of its answer.

    The features in front of the first block at which the two models differ are kept, so that only
    what follows runs again.

    Args:
        first, second: tuples of int, the levels of every block.
        threshold: float. An image is looked at again where the largest probability of the first
            answer is below it: none at 0, all above 1.

    Raises:
        ValueError: if the models have not the same number of blocks.

    Reference: Park et al., 2015, "Big/little deep neural network for ultra low power inference".
    """

    first: tuple
    second: tuple
    threshold: float

    def __post_init__(self):
        for name in ("first", "second"):
            levels = tuple(int(level) for level in getattr(self, name))
            object.__setattr__(self, name, levels)
        if len(self.first) != len(self.second):
            raise ValueError(
                "`first` and `second` must have the same number of blocks. "
                f"Received: first={self.first}, second={self.second}"
            )

    @property
    def num_kept(self):
        """int, blocks in front of the first one at which the models differ."""
        differs = [a != b for a, b in zip(self.first, self.second, strict=True)]
        return [*differs, True].index(True)

    def is_unsure(self, confidence):
        """Returns which images are looked at again, bool `(images,)`.

        Args:
            confidence: float array or tensor `(images,)`, largest probability of the first answer.
        """
        return confidence < self.threshold

    def macs(self, table):
        """Returns the MACs of a first look, and those that a second adds, two ints.

        Args:
            table: the task's `CostTable`.
        """
        first = int(table.macs(self.first, with_selector=False))
        again = table.block_macs[np.arange(table.num_blocks), list(self.second)]
        return first, int(again[self.num_kept :].sum()) + table.head_macs


def best_second_look(models, confidences, are_right, table, max_macs):
    """Returns the pair that is right most often with the largest threshold that a cost allows.

    Args:
        models: sequence of int sequences `(blocks,)`.
        confidences: float array `(models, images)`, largest probability of each one's answer.
        are_right: bool array `(models, images)`.
        table: the task's `CostTable`.
        max_macs: float, the most that an image may cost in the mean, MACs.

    Returns:
        `SecondLook`; of equals the first found, those without a second look before others.

    Raises:
        ValueError: if no model is as cheap.
    """
    orders = np.argsort(confidences, axis=-1, kind="stable")
    best, most = None, -1
    for i, j in _pairs(len(models)):
        look = SecondLook(models[i], models[j], 0.0)
        cost, again = look.macs(table)
        if cost > max_macs:
            continue
        allowed = 0 if i == j else int((max_macs - cost) / again * orders.shape[-1])
        unsure, sure = np.split(orders[i], [allowed])
        right = np.sum(are_right[j][unsure]) + np.sum(are_right[i][sure])
        if right > most:
            threshold = float(confidences[i][sure[0]]) if len(sure) else _ALL
            best = dataclasses.replace(look, threshold=threshold if len(unsure) else 0.0)
            most = right
    if best is None:
        raise ValueError(f"`max_macs` must allow the cheapest of `models`. Received: {max_macs=}")
    return best


def _pairs(count):
    """Returns pairs of numbers, those of a number with itself first."""
    same = [(index, index) for index in range(count)]
    return same + list(itertools.permutations(range(count), 2))
