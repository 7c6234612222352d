"""The difference between two ways of choosing, on the same images, and how sure it is."""

import numpy as np

from elastic_tf.evaluation.answers import Answers, as_answers
from elastic_tf.evaluation.fixed_models import best_fixed
from elastic_tf.policies.budget import priced_greedy
from elastic_tf.policies.sampling import random_at_cost, uniform


def paired_gain(ours, theirs, resamples=2000, confidence=0.95, seed=0):
    """Returns the gain in accuracy of one choice over another, with a bootstrap interval.

    Images are drawn anew with replacement, each with both of its answers: what makes an image hard
    for both does not widen the interval.

    Args:
        ours: float or bool array `(images,)`. 1 where the answer is right; shares for a mean over
            several draws.
        theirs: the same, of the choice to compare with.
        resamples: int >= 1. Defaults to 2000.
        confidence: float in (0, 1). Defaults to 0.95.
        seed: int. Defaults to 0.

    Returns:
        Dict of `points`, the difference in percentage points, and `low`, `high`, the ends of its
        interval.

    Raises:
        ValueError: if the arrays are not of one shape `(images,)` with at least one image.

    Reference: Efron, 1979; the percentile interval.
    """
    differences = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    if np.shape(ours) != np.shape(theirs) or differences.ndim != 1 or not differences.size:
        raise ValueError(
            "`ours` and `theirs` must be of one shape (images,), with at least one image. "
            f"Received: {np.shape(ours)} and {np.shape(theirs)}"
        )
    generator = np.random.default_rng(seed)
    size = len(differences)
    # How often each image is drawn says as much as which are, and needs no array of indices.
    values, counts = np.unique(differences, return_counts=True)
    draws = generator.multinomial(size, counts / size, resamples)
    means = draws @ values / size
    tail = 50 * (1 - confidence)
    low, high = np.percentile(means, [tail, 100 - tail])
    return {
        "points": 100 * float(differences.mean()),
        "low": 100 * float(low),
        "high": 100 * float(high),
    }


QUANTILES = {"p50": 50, "p95": 95}


def policy_statistics(levels, macs_share, num_levels, top=10):
    """Describes the models chosen for a set of images.

    Args:
        levels: int array `(images, blocks)`, at least one image.
        macs_share: float array `(images,)`. What each image's model costs.
        num_levels: int.
        top: int >= 1. How many of the most used models count as the top. Defaults to 10.

    Returns:
        Dict of plain Python values.

        | key | value |
        | --- | --- |
        | `distinct_models` | how many different models were chosen |
        | `entropy` | of the distribution of the models, nats: 0 for one model, `log(n)` for n
          models used alike |
        | `top_share` | share of the images on the `top` most used models, in [0, 1] |
        | `top_models` | list of `{"levels": [...], "share": ...}`, most used first |
        | `level_shares` | per block, the share of the images at each level; adds up to 1 |
        | `macs` | `{"mean", "p50", "p95"}` of `macs_share` |
    """
    levels = np.asarray(levels)
    models, counts = np.unique(levels, axis=0, return_counts=True)
    shares = counts / len(levels)
    order = np.argsort(-counts, kind="stable")
    level_shares = (levels[:, :, np.newaxis] == np.arange(num_levels)).mean(axis=0)
    quantiles = {key: float(np.percentile(macs_share, q)) for key, q in QUANTILES.items()}
    return {
        "distinct_models": len(models),
        # `+ 0.0`: a single model has no entropy, and not minus no entropy.
        "entropy": float(-np.sum(shares * np.log(shares))) + 0.0,
        "top_share": float(shares[order[:top]].sum()),
        "top_models": [
            {"levels": models[i].tolist(), "share": float(shares[i])} for i in order[:top]
        ],
        "level_shares": level_shares.tolist(),
        "macs": {"mean": float(np.mean(macs_share)), **quantiles},
    }


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
      models cost on average. It is searched for on `search_batches` (see `best_fixed`) and
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
          used everywhere, `random`, `random_at_cost`, `shuffled`, and `best_fixed` |
        | `density`, `macs_share` | of the selected models, means over images; selector included |
        | `fixed_macs_share` | dict `level_<k>`; a fixed model needs no selector |
        | `random_macs_share` | of the random levels, without selector |
        | `full_macs`, `selector_macs` | MACs for one image |
        | `policy` | `policy_statistics` of the selected models, selector included in `macs` |
        | `gain_over_shuffled`, `gain_over_best_fixed` | see `paired_gain` |
        | `best_fixed` | `levels`, `macs_share`, `evaluations` |

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
        right["best_fixed"] = answers.are_right(found["levels"])
        results["best_fixed"] = found
        results["gain_over_best_fixed"] = paired_gain(
            right["selector"], right["best_fixed"], seed=seed
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
    """Returns what `best_fixed` finds, with the share of MACs in place of their number."""
    models, counts = np.unique(chosen, axis=0, return_counts=True)
    used = models[np.argsort(-counts, kind="stable")][:_MAX_CANDIDATES]
    found = best_fixed(
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
