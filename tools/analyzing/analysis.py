"""Everything that is found out about a trained network's choices."""

import dataclasses
import functools
import itertools

import numpy as np

from elastic_tf.evaluation.chosen_models import chosen_models
from elastic_tf.evaluation.task_agreement import task_agreement
from tools.analyzing.model_groups import model_groups
from tools.analyzing.shared_models import shared_groups

ALL_TASKS = "all tasks"


@dataclasses.dataclass(frozen=True)
class Analysis:
    """What the figures, the CSV files and the report are made of.

    Attributes:
        routings: list of `TaskRouting`.
        results: dict from task to what `evaluate_task` returns.
        budget_curves: dict from task to what `budget_curve` returns; `None` without.
        curves: dict, the validation part of `read_curves`.
        stages: `StageSchedule` of the training; `None` for a network that was not compiled.
        ratios: float array `(blocks, levels)`, the share of its channels a block uses.
        top: int >= 1. Models of each task, and shared ones, to look at closely.
    """

    routings: list
    results: dict
    budget_curves: dict | None
    curves: dict
    stages: object
    ratios: np.ndarray
    top: int = 3

    @property
    def class_names(self):
        """Dict from task to its list of str."""
        return {routing.task: routing.class_names for routing in self.routings}

    @property
    def has_curves(self):
        """Whether the training is known, bool."""
        return bool(self.stages) and any(self.curves.values())

    @functools.cached_property
    def distributions(self):
        """Dict from a name to its `ChosenModels`: of all images together, then by task."""
        by_task = {routing.task: routing.chosen for routing in self.routings}
        if len(by_task) == 1:
            return by_task
        levels = np.concatenate([routing.routed.levels for routing in self.routings])
        return {ALL_TASKS: chosen_models(levels)} | by_task

    @property
    def level_means(self):
        """Dict from a name, as `distributions` has them, to the mean probabilities of levels."""
        of = {routing.task: routing.routed.level_probabilities for routing in self.routings}
        if len(of) > 1:
            of = {ALL_TASKS: np.concatenate(list(of.values()))} | of
        return {name: probabilities.mean(axis=0) for name, probabilities in of.items()}

    @functools.cached_property
    def groups(self):
        """Dict from task to its most used models, a list of `ModelGroup`."""
        return model_groups(self.routings, self.top)

    @functools.cached_property
    def shared_groups(self):
        """The models that several tasks use most, a list as `shared_groups` returns it."""
        return shared_groups(self.routings, self.top)

    @property
    def agreement(self):
        """Dict from every pair of tasks to what `task_agreement` returns."""
        num_levels = self.ratios.shape[1]
        return {
            (first.task, second.task): task_agreement(
                first.routed.levels, second.routed.levels, num_levels
            )
            for first, second in itertools.combinations(self.routings, 2)
        }
