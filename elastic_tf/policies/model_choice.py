"""Which model an image runs on, as a user says it: a fixed one, or a way of choosing."""

import dataclasses
import re

import tensorflow as tf

from elastic_tf.policies.sampling import fixed_model
from elastic_tf.policies.second_look import SELECTOR, is_second_look

_LEVELS = re.compile(r"\d+(-\d+)*")


@dataclasses.dataclass(frozen=True)
class ModelChoice:
    """A fixed model, the selector's choice, at a budget or its own, or a second look at a budget.

    Attributes:
        levels: tuple of ints, one per block, of the model that every image runs on; or `None`.
        budget: float in (0, 1], see `ElasticNetwork`; or `None`. Without either, the selector's
            own choice.
        policy: `"second_look"` or `"selector"`, the default: what keeps to the budget.
    """

    levels: tuple | None = None
    budget: float | None = None
    policy: str = SELECTOR

    def __str__(self):
        if self.levels is not None:
            return f"model {'-'.join(map(str, self.levels))}"
        if is_second_look(self.policy, self.budget):
            return f"a second look at a budget of {100 * self.budget:g} % MACs"
        if self.budget is not None:
            return f"the selector's choice at a budget of {100 * self.budget:g} % MACs"
        return "the selector's choice"

    def of(self, network, task):
        """Returns a function from images to levels, int32 tensor `(batch, blocks)`.

        Args:
            network: an `ElasticNetwork`; where there is a budget, with the task's calibration.
            task: str.
        """
        if self.levels is not None:
            return lambda images: fixed_model(tf.shape(images)[0], self.levels)
        if is_second_look(self.policy, self.budget):
            settings = {"return_levels": True, "budget": self.budget, "policy": self.policy}
            return lambda images: network(images, task=task, **settings)["levels"]
        return lambda images: network.select_levels(images, task, self.budget)


def parse_choice(levels, level, budget, num_blocks, num_levels):
    """Returns the `ModelChoice` that three flags say, of which at most one may be given.

    Args:
        levels: str, the levels of all blocks, as in `"3-0-1"`; or `None`.
        level: int, of every block; or `None`.
        budget: float in (0, 1], or `None`.
        num_blocks: int.
        num_levels: int.

    Raises:
        ValueError: if more than one is given, or what is given does not fit the network.
    """
    given = {"levels": levels, "level": level, "budget": budget}
    given = {name: value for name, value in given.items() if value is not None}
    if len(given) > 1:
        received = ", ".join(f"{name}={value}" for name, value in given.items())
        raise ValueError(
            f"Only one of `--levels`, `--level` and `--budget` must be given. Received: {received}"
        )
    if level is not None:
        _check_range("level", level, [level], num_levels)
        return ModelChoice(levels=(level,) * num_blocks)
    if levels is not None:
        return ModelChoice(levels=_parse_levels(levels, num_blocks, num_levels))
    return ModelChoice(budget=budget)


def _parse_levels(text, num_blocks, num_levels):
    levels = tuple(map(int, text.split("-"))) if _LEVELS.fullmatch(text) else ()
    if len(levels) != num_blocks:
        example = "-".join(["0"] * num_blocks)
        raise ValueError(
            f"`--levels` must be {num_blocks} numbers, one for each block, with '-' between them "
            f"({example}). Received: levels={text}"
        )
    _check_range("levels", text, levels, num_levels)
    return levels


def _check_range(flag, value, levels, num_levels):
    if any(not 0 <= level < num_levels for level in levels):
        raise ValueError(
            f"`--{flag}` must be in [0, {num_levels}), the network's levels. "
            f"Received: {flag}={value}"
        )
