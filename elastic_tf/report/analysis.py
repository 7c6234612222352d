"""What a training logged for TensorBoard, epoch by epoch."""

import dataclasses
import functools
import itertools
import logging
import pathlib

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from elastic_tf.evaluation.chosen_models import chosen_models, task_agreement
from elastic_tf.report.routing import model_groups, shared_groups

# It tells of the end of every file that it reads.
logging.getLogger("tensorboard").setLevel(logging.WARNING)
_PREFIX = "epoch_"
_STEP = "step"


def read_curves(logs):
    """Reads the figures of every epoch from a run's event files.

    Args:
        logs: path of the run's `logs`.

    Returns:
        Dict from `"train"` and `"validation"` to a dict from a figure's name, as
        `cifar10_full_accuracy`, to its list of `(training step, value)`. Empty for what is not
        there, and for runs from before steps were logged.
    """
    found = {part: _read(pathlib.Path(logs) / part) for part in ("train", "validation")}
    # Keras counts epochs; the steps are a figure of training like others.
    steps = found["train"].pop(_STEP, {})
    return {
        part: {
            name: [(int(steps[epoch]), of[epoch]) for epoch in sorted(of.keys() & steps.keys())]
            for name, of in figures.items()
        }
        for part, figures in found.items()
    }


def _read(folder):
    """Returns a dict from a figure's name to a dict from epoch to value."""
    if not folder.is_dir():
        return {}
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0, "scalars": 0})
    events.Reload()
    return {
        tag.removeprefix(_PREFIX): {
            event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)
        }
        for tag in events.Tags()["tensors"]
        if tag.startswith(_PREFIX)
    }


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
