"""One budget over several tasks: easy ones leave what they do not need to hard ones."""

import numpy as np

from elastic_tf.evaluation.fixed_front import envelope, find_front
from elastic_tf.evaluation.paired_gain import joint_gain
from elastic_tf.settings import of_task


def share_out(curves, budget):
    """Returns what each task may cost for the best mean accuracy at a mean cost.

    Along the envelope of every curve accuracy rises ever more slowly: what a budget adds goes where
    it brings most.

    Args:
        curves: dict from task to its list of `(cost, accuracy)`, floats, at least one each.
        budget: float, the mean over tasks of their costs.

    Returns:
        Dict from task to float, on its envelope; all tasks at their cheapest point if the budget is
        below these, and at their best if it is above.

    Reference: Everett, 1963, "Generalized Lagrange multiplier method".
    """
    hulls = {task: [points[i] for i in envelope(points)] for task, points in curves.items()}
    costs = {task: hull[0][0] for task, hull in hulls.items()}
    left = budget * len(curves) - sum(costs.values())
    steps = [
        ((right[1] - start[1]) / (right[0] - start[0]), task, right[0] - start[0])
        for task, hull in hulls.items()
        for start, right in zip(hull, hull[1:], strict=False)
    ]
    for _, task, width in sorted(steps, key=lambda step: -step[0]):
        used = float(np.clip(left, 0.0, width))
        costs[task] += used
        left -= used
    return costs


class JointBudgets:
    """Ways to keep a mean over tasks of their MACs, chosen on validation images.

    Args:
        answers: `AnswersBySplit` of a network with calibrations for budgets, and second looks for
            those to be measured.
        search_evaluations: int >= 1, or a dict of it by task: fixed models to try, see
            `search_front`.
        tasks: iterable of str. Defaults to all of the network's.
        training_batches: see `find_front`. Defaults to `None`.
    """

    def __init__(self, answers, search_evaluations, tasks=None, training_batches=None):
        self._answers, self._network = answers, answers.network
        self.tasks = list(tasks or answers.network.tasks)
        self._fronts = {}
        for task in self.tasks:
            evaluations = of_task(search_evaluations, task)
            self._fronts[task] = find_front(answers, task, evaluations, "test", training_batches)
        self._fixed = {
            task: [(model["macs_share"], model["validation_accuracy"]) for model in front.corners]
            for task, front in self._fronts.items()
        }

    def measure(self, budget):
        """Measures all ways at a budget on the test split.

        Args:
            budget: float in (0, 1], the mean over tasks of the shares of their full models' MACs.

        Returns:
            Dict of plain Python values: `budget`; `second_look` and `selector`, where the network
            has them for all tasks, each a dict of `macs_share`, `accuracy`, the means over tasks,
            `tasks`, a dict of both by task, `front`, the same of the best fixed models per task,
            mixed to exactly that mean, or less where more brings nothing, and `gain_over_front`,
            the points over these, see `joint_gain`.
        """
        found = {"budget": budget}
        for name, choose in (("second_look", self._seen_twice), ("selector", self._selected)):
            chosen = choose(budget)
            if chosen is not None:
                found[name] = self._compared(chosen)
        return found

    def _seen_twice(self, budget):
        looks = self._network.second_looks
        if not set(self.tasks) <= set(looks):
            return None
        curves = {
            task: list(zip(looks[task].budgets, looks[task].accuracies, strict=True))
            for task in self.tasks
        }
        chosen = {}
        for task, share in share_out(curves, budget).items():
            answers, look = self._answers.on(task, "test"), looks[task].look(min(share, 1.0))
            right, seen_twice = answers.look_twice(look)
            chosen[task] = np.mean(look.macs_share(answers.table, seen_twice)), right
        return chosen

    def _selected(self, budget):
        """The selector by one price for all tasks, which the budgets of each are read off."""
        calibrations = self._network.calibrations
        if not set(self.tasks) <= set(calibrations):
            return None
        chosen = {}
        for task, share in self._at_one_price(budget).items():
            answers = self._answers.on(task, "test")
            levels = answers.choose(share)
            macs_share = np.mean(answers.table.macs_share(levels))
            chosen[task] = macs_share, answers.are_right(levels)
        return chosen

    def _at_one_price(self, budget):
        of = {task: self._network.calibrations[task] for task in self.tasks}
        prices = np.unique(np.concatenate([each.prices for each in of.values()]))

        def shares(price):
            return {task: float(each.share_at(price)) for task, each in of.items()}

        return min(
            (shares(price) for price in prices),
            key=lambda found: abs(np.mean(list(found.values())) - budget),
        )

    def _compared(self, chosen):
        share = float(np.mean([macs_share for macs_share, _ in chosen.values()]))
        fixed = share_out(self._fixed, share)
        theirs = [self._fronts[task].mixtures.right_at(fixed[task]) for task in self.tasks]
        ours = [chosen[task][1] for task in self.tasks]
        return {
            "macs_share": share,
            "accuracy": float(np.mean([right.mean() for right in ours])),
            "tasks": {
                task: {"macs_share": float(macs_share), "accuracy": float(right.mean())}
                for task, (macs_share, right) in chosen.items()
            },
            "front": {
                task: {"macs_share": fixed[task], "accuracy": float(right.mean())}
                for task, right in zip(self.tasks, theirs, strict=True)
            },
            "gain_over_front": joint_gain(ours, theirs),
        }
