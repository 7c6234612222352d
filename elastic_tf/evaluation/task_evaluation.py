"""The final figures of a task: the selector against fixed and against blind choices."""

import numpy as np

from elastic_tf.evaluation.answers import Answers, as_answers
from elastic_tf.evaluation.paired_gain import paired_gain
from elastic_tf.evaluation.policy_statistics import policy_statistics
from elastic_tf.evaluation.static_search import best_static
from elastic_tf.policies.budget import priced_greedy
from elastic_tf.policies.random_at_cost import random_at_cost
from elastic_tf.policies.sampling import uniform

# Of the selector's models, how many compete as fixed ones.
_MAX_CANDIDATES = 20


def evaluate_task(
    network,
    batches,
    task,
    search_batches=None,
    search_evaluations=60,
    seed=0,
    shuffles=5,
    top=10,
    price=0.0,
):
    """Measures the network on every image of a task, under several choices of models.

    Three choices are blind to the image, and to be beaten by one that looks:

    - *best static*: the most accurate fixed model that costs at most what the selector and its
      models cost on average. It is searched for on `search_batches` (see `best_static`) and
      measured on `batches`.
    - *shuffled*: the selector's own models, dealt to the wrong images, at exactly the same cost;
      the mean over several shuffles.
    - *random at cost*: random models of the same mean cost (see `random_at_cost`). *Random* draws
      every block's level uniformly.

    Args:
        network: an `ElasticNetwork`.
        batches: iterable of `(images, labels)` that gives the same images at every pass, or the
            `Answers` on them.
        task: str.
        search_batches: the same, of images held out of training and test; `None` for no search.
        search_evaluations: int >= 1. Models that the search may evaluate. Defaults to 60.
        seed: int, of everything random. Defaults to 0.
        shuffles: int >= 1. Defaults to 5.
        top: int >= 1. How many of the most used models to list. Defaults to 10.
        price: float, of MACs in the selector's choice, see `priced_greedy`. Defaults to 0, the
            selector's own choice.

    Returns:
        Dict of plain Python values. Shares of MACs are of the full model's without selector.

        | key | value |
        | --- | --- |
        | `num_images` | images in `batches` |
        | `accuracy` | dict of shares in [0, 1]: `selector`, `full`, `level_<k>` for every level
          used everywhere, `random`, `random_at_cost`, `shuffled`, and `best_static` |
        | `density`, `macs_share` | of the selected models, means over images; selector included |
        | `fixed_macs_share` | dict `level_<k>`; a fixed model needs no selector |
        | `random_macs_share` | of the random levels, without selector |
        | `full_macs`, `selector_macs` | MACs for one image |
        | `policy` | `policy_statistics` of the selected models, selector included in `macs` |
        | `gain_over_shuffled`, `gain_over_best_static` | see `paired_gain` |
        | `best_static` | `levels`, `macs_share`, `evaluations` |

    Raises:
        ValueError: if there is no image.

    Reference: the method's sections 5.10 and 6.
    """
    answers, table = as_answers(network, batches, task), network.cost_table(task)
    chosen = _choose(answers, table, price)
    blind = _blind_choices(answers, chosen, table, seed, shuffles)
    right = {"selector": answers.are_right(chosen)} | blind
    macs = np.asarray(table.macs(chosen), np.float64)
    results = {
        "num_images": len(answers),
        "density": float(np.mean(table.density(chosen))),
        "macs_share": float(macs.mean() / table.full_macs),
        "fixed_macs_share": {
            f"level_{k}": _share(table, np.full(table.num_blocks, k))
            for k in range(table.num_levels)
        },
        "random_macs_share": _share(table, _uniform(answers, table, seed)),
        "full_macs": table.full_macs,
        "selector_macs": table.selector_macs,
        "policy": policy_statistics(chosen, macs / table.full_macs, table.num_levels, top),
        "gain_over_shuffled": paired_gain(right["selector"], right["shuffled"], seed=seed),
    }
    if search_batches is not None:
        known = isinstance(search_batches, Answers)
        held_out = search_batches if known else answers.on(search_batches)
        used = _choose(held_out, table, price)
        found = _search(held_out, used, table, macs.mean(), search_evaluations, seed)
        right["best_static"] = answers.are_right(found["levels"])
        results["best_static"] = found
        results["gain_over_best_static"] = paired_gain(
            right["selector"], right["best_static"], seed=seed
        )
    return {"accuracy": {name: float(np.mean(of)) for name, of in right.items()}} | results


def _choose(answers, table, price):
    """Returns the models chosen at a price, int32 array `(images, blocks)`."""
    return priced_greedy(answers.logits, table.block_shares, price).numpy()


def _blind_choices(answers, chosen, table, seed, shuffles):
    """Returns a dict from the name of a choice to how often each image is classified rightly."""
    size, blocks = chosen.shape
    right = {}
    for level in range(table.num_levels):
        right[f"level_{level}"] = answers.are_right(np.full(blocks, level))
    orders = [np.random.default_rng([seed, k]).permutation(size) for k in range(shuffles)]
    # Of the blocks alone: the cost of stem, head and selector is the same for all.
    mean_cost = np.mean(table.macs(chosen, with_selector=False)) - table.fixed_macs
    return {
        "full": right[f"level_{table.num_levels - 1}"],
        **right,
        "random": answers.are_right(_uniform(answers, table, seed)),
        "random_at_cost": answers.are_right(
            random_at_cost(size, table.block_macs, mean_cost, seed)
        ),
        "shuffled": np.mean([answers.are_right(chosen[order]) for order in orders], axis=0),
    }


def _uniform(answers, table, seed):
    return uniform(len(answers), table.num_blocks, table.num_levels, (seed, 0)).numpy()


def _share(table, levels):
    return float(np.mean(table.macs_share(levels, with_selector=False)))


def _search(held_out, chosen, table, max_macs, evaluations, seed):
    """Returns what `best_static` finds, with the share of MACs in place of their number."""
    models, counts = np.unique(chosen, axis=0, return_counts=True)
    used = models[np.argsort(-counts, kind="stable")][:_MAX_CANDIDATES]
    found = best_static(
        lambda levels: held_out.are_right(levels).mean(),
        table.block_macs,
        table.fixed_macs,
        float(max_macs),
        used,
        evaluations,
        seed,
    )
    return {
        "levels": found["levels"],
        "macs_share": found["macs"] / table.full_macs,
        "evaluations": found["evaluations"],
    }
