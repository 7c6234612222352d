"""What a trained network's selector chooses, and for which images: all that the report shows."""

import dataclasses
import functools
import itertools

import numpy as np

from elastic_tf.evaluation.answers import AnswersBySplit
from elastic_tf.evaluation.budget_curve import budget_curve
from elastic_tf.evaluation.chosen_models import chosen_models, route_images, task_agreement
from elastic_tf.evaluation.task_evaluation import evaluate_network
from elastic_tf.models.network_settings import NONE
from elastic_tf.models.no_selector import SHOWN_BUDGET
from elastic_tf.report.curves import read_curves
from elastic_tf.report.task_routing import SeenTwice, TaskRouting

ALL_TASKS = "all tasks"
BUDGETS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclasses.dataclass(frozen=True)
class Analysis:
    """What the figures, the CSV files and the page are made of.

    Attributes:
        backbone: str.
        num_weights: int, of the estimator.
        split: str, which images were looked at.
        budget: float in (0, 1] that the choice was held to; `None` for the selector's own choice.
        routings: list of `TaskRouting`.
        results: dict from task to what `evaluate_task` returns.
        budget_curves: dict from task to what `budget_curve` returns; `None` without.
        curves: dict, the validation part of `read_curves`.
        stages: `StageSchedule` of the training; `None` for a network that was not compiled.
        ratios: float array `(blocks, levels)`, the share of its channels a block uses.
        top: int >= 1. Models of each task, and shared ones, to look at closely.
        comparisons: dict from task to rows of what was timed, see `draw_times`.
    """

    backbone: str
    num_weights: int
    split: str
    budget: float | None
    routings: list
    results: dict
    budget_curves: dict | None
    curves: dict
    stages: object
    ratios: np.ndarray
    top: int = 3
    comparisons: dict = dataclasses.field(default_factory=dict)

    @property
    def class_names(self):
        """Dict from task to its list of str."""
        return {routing.task: routing.class_names for routing in self.routings}

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
        """Dict from task to its most used models, a list of `ModelGroup`, most used first."""
        leading = {
            routing.task: [tuple(map(int, levels)) for levels in routing.chosen.models[: self.top]]
            for routing in self.routings
        }
        return {
            routing.task: [
                routing.group(levels, [task for task, of in leading.items() if levels in of])
                for levels in leading[routing.task]
            ]
            for routing in self.routings
        }

    @functools.cached_property
    def shared_models(self):
        """The models that images of two tasks or more are on, the most shared first.

        A dict from levels, a tuple of int, to a dict from each of these tasks to the share of its
        images that is on the model. How much a model is shared is its share in the task that uses
        it second most: what it takes for two to use it.
        """
        shares = {}
        for routing in self.routings:
            chosen = routing.chosen
            for levels, share in zip(chosen.models, chosen.shares, strict=True):
                shares.setdefault(tuple(map(int, levels)), {})[routing.task] = float(share)
        shared = [item for item in shares.items() if len(item[1]) > 1]
        return dict(sorted(shared, key=lambda item: -sorted(item[1].values())[-2]))

    @functools.cached_property
    def shared_groups(self):
        """The most shared models, a list of dicts from each task to its `ModelGroup` there."""
        by_task = {routing.task: routing for routing in self.routings}
        return [
            {task: by_task[task].group(levels, list(shares)) for task in shares}
            for levels, shares in list(self.shared_models.items())[: self.top]
        ]

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


def analyse(
    network,
    batches_of,
    class_names=None,
    split="test",
    budget=None,
    results=None,
    budgets=BUDGETS,
    search_evaluations=60,
    training_batches=None,
    logs=None,
    top=3,
    comparisons=None,
    progress=None,
):
    """Looks at what a trained network's selector chooses, and what that gains.

    Args:
        network: an `ElasticNetwork`.
        batches_of: function of a task and a split, str, that returns an iterable of `(images,
            labels)`; the same images at every pass.
        class_names: dict from task to its list of str; the classes' numbers where left out.
        split: str. Which images to look at. Defaults to `"test"`.
        budget: float in (0, 1], mean MACs per image that the choice is held to, a share of the full
            model's; `None`, the default, for the selector's own choice.
        results: dict from task to what `evaluate_task` returned for the same choice on the same
            images; measured where left out.
        budgets: iterable of floats in (0, 1], to be measured where the network has calibrations.
        search_evaluations, training_batches: as of `evaluate_network`.
        logs: path of the training's TensorBoard logs, for its curves; `None` for none.
        top: int >= 1. Models of each task, and shared ones, to look at closely.
        comparisons: dict from task to rows of what was timed, see `draw_times`; `None` for none.
        progress: function of a str, called with a line of it; `None` for none.

    Returns:
        `Analysis`.

    Raises:
        ValueError: if there is no image, names are not one for each class, or a budget is out of
            range or without calibration.
    """
    say = progress or (lambda text: None)
    answers, routings = AnswersBySplit(network, batches_of), []
    for task in network.tasks:
        names = _checked_names((class_names or {}).get(task), network.tasks[task], task)
        routed = route_images(answers.on(task, split), budget)
        seen = _seen_twice(answers.on(task, split), budget or _usual_budget(network, routed))
        routing = TaskRouting(task, names, routed, batches_of(task, split), seen)
        say(f"{task}: {len(routed.labels):,} images on {len(routing.chosen.counts):,} models")
        routings.append(routing)
    if results is None:
        results = evaluate_network(
            answers,
            split,
            search_evaluations=search_evaluations,
            budget=budget,
            training_batches=training_batches,
        )
        say("results")
    curves, budgets = {}, sorted(set(budgets))
    for task in network.calibrations if budgets else ():
        curves[task] = budget_curve(answers.on(task, split), budgets)
        say(f"{task}: {len(budgets)} budgets")
    channels = network.cost_table(routings[0].task).channels
    return Analysis(
        backbone=network.backbone,
        num_weights=network.estimator.count_params(),
        split=split,
        budget=budget,
        routings=routings,
        results=results,
        budget_curves=curves,
        curves=read_curves(logs)["validation"] if logs else {},
        stages=getattr(network, "stages", None),
        ratios=channels / channels[:, -1:],
        top=top,
        comparisons=comparisons or {},
    )


def _usual_budget(network, routed):
    """Returns the budget at which second looks are shown: what the selector's choice costs."""
    return SHOWN_BUDGET if network.selector_kind == NONE else float(np.mean(routed.macs_share))


def _seen_twice(answers, budget):
    """Returns the `SeenTwice` of a task at a budget; `None` where there are no second looks."""
    looks = answers.network.second_looks.get(answers.task)
    if looks is None:
        return None
    look = looks.look(min(budget, 1.0))
    right, seen_twice = answers.look_twice(look)
    once, twice = look.macs_share(answers.table, [False, True])
    return SeenTwice(look, seen_twice, right, (float(once), float(twice)))


def _checked_names(names, task, name):
    names = list(names or map(str, range(task["num_classes"])))
    if len(names) != task["num_classes"]:
        raise ValueError(
            f"`class_names` must be {task['num_classes']} names for task '{name}'. "
            f"Received: {len(names)}"
        )
    return names
