"""How good a network's choice of models is, compared with choices that are blind to the image."""

import numpy as np

from elastic_tf.evaluation.chosen_models import policy_statistics
from elastic_tf.evaluation.class_figures import class_figures
from elastic_tf.evaluation.fixed_front import find_front
from elastic_tf.evaluation.paired_gain import paired_gain
from elastic_tf.policies.sampling import random_at_cost, uniform
from elastic_tf.settings import of_task

# Whose gains over the front have a mean of their own.
BUDGETS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
# With no more classes than that, the likeliest five say little.
_FEW_CLASSES = 20


def evaluate_network(
    answers,
    split="test",
    tasks=None,
    search_evaluations=60,
    budget=None,
    training_batches=None,
):
    """Evaluates a network on several tasks.

    Args:
        answers: `AnswersBySplit` of the network.
        split: str. The images to measure on.
        tasks: iterable of str. Defaults to all of the network's.
        search_evaluations: int >= 0, or a dict of it by task: fixed models to try on validation
            images, see `search_front`; 0 for none. Defaults to 60.
        budget: see `evaluate_task`.
        training_batches: see `find_front`. Defaults to `None`.

    Returns:
        Dict from task name to what `evaluate_task` returns.
    """

    results = {}
    for task in tasks or answers.network.tasks:
        evaluations = of_task(search_evaluations, task)
        front = find_front(answers, task, evaluations, split, training_batches, budget)
        results[task] = evaluate_task(answers.on(task, split), front, budget)
    return results


def evaluate_task(answers, front=None, budget=None, seed=0, shuffles=5, top=10):
    """Measures a network on every image of a task, under several choices of models.

    Three choices are blind to the image, and to be beaten by one that looks:

    - the *front*: fixed models, and mixtures of two of them, at exactly the mean MACs of the
      selector and its models, see `FixedFront`; an image counts by its expectation.
    - *shuffled*: the selector's own models, dealt to the wrong images, at exactly the same cost;
      the mean over several shuffles.
    - *random at cost*: random models of the same mean cost (see `random_at_cost`). *Random* draws
      every block's level uniformly.

    Args:
        answers: `Answers` of the network.
        front: `FixedFront` on the same images. Defaults to `None`, which leaves it out.
        budget: float in (0, 1], of the selector's choice, see `Answers.price`. Defaults to `None`,
            the selector's own choice.
        seed: int, of everything random. Defaults to 0.
        shuffles: int >= 1. Defaults to 5.
        top: int >= 1. How many of the most used models to list. Defaults to 10.

    Returns:
        Dict of plain Python values. Shares of MACs are of the full model's without selector.

        | key | value |
        | --- | --- |
        | `num_images` | how many images there are |
        | `accuracy` | dict of shares in [0, 1]: `selector`, `full`, `level_<k>` for every level
          used everywhere, `random`, `random_at_cost`, `shuffled`, and `front` |
        | `top5_accuracy` | dict of `selector` and `full`, where there are more than 20 classes |
        | `classes` | `class_figures` of `selector` and `full`; the MACs are the selector's |
        | `density`, `macs_share` | of the selected models, means over images; selector included |
        | `fixed_macs_share` | dict `level_<k>`; a fixed model needs no selector |
        | `random_macs_share` | of the random levels, without selector |
        | `full_macs`, `selector_macs` | MACs for one image |
        | `policy` | `policy_statistics` of the selected models, selector included in `macs` |
        | `gain_over_shuffled`, `gain_over_front` | see `paired_gain` |
        | `gain_over_test_hull` | the same, stricter: over the best for `answers` itself |
        | `front` | `evaluations`, models tried; `corners`, a list by rising cost of `levels`,
          `macs_share`, `validation_accuracy`, and `accuracy` of those that were needed |
        | `budget_gains` | of a calibrated network, at those of 30, 40 ... 80 % that it reaches, a
          list of `budget`, `macs_share`, `accuracy`, `gain_over_front`, `gain_over_test_hull` |
        | `gain_over_front_mean` | the mean over them, by the same images |
        | `second_look` | of a network that has `second_looks`, at those budgets a list of `budget`,
          `first`, `second`, `threshold`, `temperature`, `accuracy`, `macs_share`, `p95`, `largest`
          (of an image), `seen_twice`, `gain_over_front`, `gain_over_test_hull` |
        | `second_look_gain_mean` | the mean over them, by the same images |
        | `budget` | as given, where it is |

    Raises:
        ValueError: if the budget is out of range or has no calibration.

    Reference: the method's sections 5.10 and 6.
    """
    table, chosen = answers.table, answers.choose(budget)
    num_classes = answers.network.tasks[answers.task]["num_classes"]
    full = np.full(table.num_blocks, table.num_levels - 1)
    ranks = {"selector": answers.ranks(chosen), "full": answers.ranks(full)}
    of_interest = {name: of == 0 for name, of in ranks.items()}
    right = of_interest | _blind_choices(answers, chosen, of_interest["full"], seed, shuffles)
    macs = np.asarray(table.macs(chosen), np.float64)
    results = {
        "num_images": len(answers),
        "density": float(np.mean(table.density(chosen))),
        "macs_share": float(macs.mean() / table.full_macs),
        "fixed_macs_share": {
            f"level_{k}": _share(table, np.full(table.num_blocks, k))
            for k in range(table.num_levels)
        },
        "random_macs_share": _share(table, _uniform(answers, seed)),
        "full_macs": table.full_macs,
        "selector_macs": table.selector_macs,
        "policy": policy_statistics(chosen, macs / table.full_macs, table.num_levels, top),
        "gain_over_shuffled": paired_gain(right["selector"], right["shuffled"], seed=seed),
        "classes": class_figures(answers.labels, of_interest, macs / table.full_macs, num_classes),
    }
    if num_classes > _FEW_CLASSES:
        results["top5_accuracy"] = {name: float(np.mean(of < 5)) for name, of in ranks.items()}
    if front is not None:
        right["front"] = front.mixtures.right_at(results["macs_share"])
        results["gain_over_front"] = paired_gain(right["selector"], right["front"], seed=seed)
        hull = front.hull()
        strict = hull.right_at(results["macs_share"])
        results["gain_over_test_hull"] = paired_gain(right["selector"], strict, seed=seed)
        for names, choices in (
            (("budget_gains", "gain_over_front_mean"), _of_selector(answers)),
            (("second_look", "second_look_gain_mean"), _of_second_looks(answers)),
        ):
            results |= _gains_at_budgets(names, front.mixtures, hull, choices, seed)
        results["front"] = {"evaluations": front.evaluations, "corners": front.corners}
    if budget is not None:
        results["budget"] = budget
    return {"accuracy": {name: float(np.mean(of)) for name, of in right.items()}} | results


def _blind_choices(answers, chosen, full, seed, shuffles):
    """Returns a dict from the name of a choice to how often each image is classified rightly.

    `full` says it of the full model.
    """
    table = answers.table
    last = table.num_levels - 1
    levels = {
        f"level_{level}": answers.of_model(np.full(table.num_blocks, level))[0]
        for level in range(last)
    }
    orders = [np.random.default_rng([seed, k]).permutation(len(answers)) for k in range(shuffles)]
    # Of the blocks alone: the cost of stem, head and selector is the same for all.
    mean_cost = np.mean(table.macs(chosen, with_selector=False)) - table.fixed_macs
    at_cost = random_at_cost(len(answers), table.block_macs, mean_cost, seed)
    return {
        **levels,
        f"level_{last}": full,
        "random": answers.are_right(_uniform(answers, seed)),
        "random_at_cost": answers.are_right(at_cost),
        "shuffled": np.mean([answers.are_right(chosen[order]) for order in orders], axis=0),
    }


def _uniform(answers, seed):
    table = answers.table
    return uniform(len(answers), table.num_blocks, table.num_levels, (seed, 0)).numpy()


def _share(table, levels):
    return float(np.mean(table.macs_share(levels, with_selector=False)))


def _of_second_looks(answers):
    """Yields what `_gains_at_budgets` takes, for budgets that second looks are set for."""
    calibration = answers.network.second_looks.get(answers.task)
    for budget in BUDGETS if calibration else ():
        if not calibration.reaches(budget):
            continue
        look = calibration.look(budget)
        right, seen_twice = answers.look_twice(look)
        shares = look.macs_share(answers.table, seen_twice)
        facts = {
            "budget": budget,
            "first": list(look.first),
            "second": list(look.second),
            "threshold": look.threshold,
            "temperature": look.temperature,
            "p95": float(np.percentile(shares, 95)),
            "largest": float(shares.max()),
            "seen_twice": float(np.mean(seen_twice)),
        }
        yield facts, float(shares.mean()), right


def _of_selector(answers):
    """Yields what `_gains_at_budgets` takes, for budgets that the selector can be held to."""
    calibration = answers.network.calibrations.get(answers.task)
    for budget in BUDGETS if calibration else ():
        if calibration.reaches(budget):
            levels = answers.choose(budget)
            share = float(np.mean(answers.table.macs_share(levels)))
            yield {"budget": budget}, share, answers.are_right(levels)


def _gains_at_budgets(names, mixtures, hull, choices, seed):
    """Returns the gains of a way to choose at several budgets, and their mean by the same images.

    Args:
        names: pair of str, the keys of the two.
        mixtures, hull: `Mixtures` to be beaten; the mean is over the first.
        choices: iterable of tuples: a dict of facts, mean share of MACs, which images are right.
        seed: int.

    Returns:
        Dict of a list of dicts, the facts with `macs_share`, `accuracy` and both gains, and of what
        `paired_gain` returns; empty without a choice.
    """
    points, ours, theirs = [], [], []
    for facts, share, right in choices:
        front = mixtures.right_at(share)
        gain = {
            "gain_over_front": paired_gain(right, front, seed=seed),
            "gain_over_test_hull": paired_gain(right, hull.right_at(share), seed=seed),
        }
        points.append(facts | {"macs_share": share, "accuracy": float(right.mean())} | gain)
        ours.append(right)
        theirs.append(front)
    if not points:
        return {}
    mean = paired_gain(np.mean(ours, axis=0), np.mean(theirs, axis=0), seed=seed)
    return dict(zip(names, (points, mean), strict=True))
