"""The supplement's claims, each held against what was measured.

A finished training is a dict of plain values: `variant`, str; `settings`, dict by the names of the
flags; `results`, dict from task to what `evaluate_task` returns; `logs`, path of its TensorBoard
logs. Trainings of one variant differ in their seed.
"""

import itertools
import math
import statistics

from elastic_tf.report.curves import read_curves
from elastic_tf.report.tables import mean_and_spread

# Of the initial stage, the paper's own first.
DISTRIBUTIONS = ("proposed", "uniform", "random")
_PAPERS_LEVELS = 4
_PAPERS_LOSS = 2  # Points: it says 2 to 3.
# A choice is called deterministic from this share of images on one model on, and uniform from this
# share of the entropy that it could have at most.
_DETERMINISTIC, _UNIFORM = 0.99, 0.95


def judge_claims(names, runs):
    """Judges claims on finished trainings.

    Args:
        names: sequence of str, of `CLAIMS`.
        runs: list of dicts, see above; at least one.

    Returns:
        str of several lines: each claim with a line for each task, whether it holds, does not hold,
        or was not measured, and the numbers that say so.

    Raises:
        ValueError: if a claim is not known.
    """
    unknown = [name for name in names if name not in CLAIMS]
    if unknown:
        raise ValueError(f"`claims` must be of {', '.join(CLAIMS)}. Received: {', '.join(unknown)}")
    parts = []
    for claim, judge in map(CLAIMS.get, names):
        lines = [f"  {task}: {judge(runs, task)}" for task in runs[0]["results"]]
        parts.append("\n".join([f"Claim: {claim}.", *lines]))
    return "\n\n".join(parts)


def by_setting(runs, task, name, value):
    """Sorts by a setting what a function of a run and a task gives.

    Returns:
        Dict from the setting's values to a list of the function's, one per seed.
    """
    found = {}
    for run in runs:
        found.setdefault(run["settings"][name], []).append(value(run, task))
    return found


def selector_accuracy(run, task):
    """Returns the accuracy of the selector's choice at the end of a run, a share in [0, 1]."""
    return run["results"][task]["accuracy"]["selector"]


def full_model_curve(run, task):
    """Returns the full model's validation accuracy in a run, a list of `(step, share)`."""
    return read_curves(run["logs"])["validation"].get(f"{task}_full_accuracy", [])


def _end_of_initial_stage(run, task):
    """Returns the last accuracy of the initial stage; not a number where there is none."""
    end = run["settings"]["initial_steps"]
    return ([math.nan] + [value for step, value in full_model_curve(run, task) if step <= end])[-1]


def _judge_levels(runs, task):
    """With four levels, five, and at least one number below four."""
    means, text = _by_number(by_setting(runs, task, "num_levels", selector_accuracy))
    text = f"Accuracy of the selector's choice: {text} levels."
    missing = [f"{n} levels" for n in (_PAPERS_LEVELS, _PAPERS_LEVELS + 1) if n not in means]
    if not any(number < _PAPERS_LEVELS for number in means):
        missing.insert(0, f"fewer than {_PAPERS_LEVELS} levels")
    if missing:
        return _not_measured(" and ".join(missing), text)
    up_to = [mean for number, mean in means.items() if number <= _PAPERS_LEVELS]
    falls = means[_PAPERS_LEVELS + 1] < means[_PAPERS_LEVELS]
    return _verdict(falls and _rises(up_to), text)


def _judge_sizes(runs, task):
    """With at least two numbers of levels; a size is mean MACs, selector included."""
    means, text = _by_number(
        by_setting(runs, task, "num_levels", lambda run, task: run["results"][task]["macs_share"])
    )
    text = f"MACs of the selector's choice: {text} levels."
    if len(means) < 2:
        return _not_measured("other numbers of levels", text)
    return _verdict(_rises([*means.values()][::-1]), text)


def _by_number(shares):
    """Returns the means that were measured, by rising number of levels, and all of them as text."""
    shares = dict(sorted(shares.items()))
    return _means(shares), ", ".join(f"{_percent(of)} with {n}" for n, of in shares.items())


def _judge_distributions(runs, task):
    """With all three distributions: the others end at least 2 points lower.

    It is about validation accuracy of the full model at the end of the initial stage. What the
    selector's choice has on the test split, at the end of all, is beside it.
    """
    initial = by_setting(runs, task, "initial_distribution", _end_of_initial_stage)
    final = by_setting(runs, task, "initial_distribution", selector_accuracy)
    measured, (own, *others) = _means(initial), DISTRIBUTIONS
    losses = {
        name: 100 * (measured[own] - measured[name])
        for name in others
        if name in measured and own in measured
    }
    texts = [
        f"{name} {_percent(initial[name])} then, {_percent(final[name])} at the end"
        for name in initial
    ]
    text = f"Full model, then selector: {'; '.join(texts)}."
    if losses:
        lower = ", ".join(f"{name} {_lower(loss)}" for name, loss in losses.items())
        text = f"After the initial stage: {lower}. {text}"
    missing = [name for name in DISTRIBUTIONS if name not in measured]
    if missing:
        return _not_measured(" and ".join(missing), text)
    return _verdict(min(losses.values()) >= _PAPERS_LOSS, text)


def _judge_choice(runs, task):
    """For every seed of the method's own variant, or of the first where it was not trained."""
    for name, own in (("num_levels", _PAPERS_LEVELS), ("initial_distribution", DISTRIBUTIONS[0])):
        runs = [run for run in runs if run["settings"].get(name) == own] or runs
    variant = runs[0]["variant"]
    results = [run["results"][task] for run in runs if run["variant"] == variant]
    policies = [figures["policy"] for figures in results]
    shares = policies[0]["level_shares"]
    # The most that it could be, in nats: of all models, or of all images where these are fewer.
    bound = math.log(min(len(shares[0]) ** len(shares), results[0]["num_images"]))
    tops = [policy["top_models"][0]["share"] for policy in policies]
    entropies = [policy["entropy"] for policy in policies]
    models = [policy["distinct_models"] for policy in policies]
    holding = [
        top < _DETERMINISTIC and entropy < _UNIFORM * bound
        for top, entropy in zip(tops, entropies, strict=True)
    ]
    where = f"{variant}: " if variant else ""
    seeds = f"{sum(holding)} of {len(holding)} seeds hold: " if len(holding) > 1 else ""
    return _verdict(
        all(holding),
        f"{where}{seeds}{mean_and_spread(models, '.0f' if len(models) == 1 else '.1f')} "
        f"model{'' if models == [1] else 's'}, {_percent(tops, '.1f')} of the images on the most "
        f"used; entropy {mean_and_spread(entropies, '.2f')} nats of at most {bound:.2f}.",
    )


# By the names that a study file gives them: a claim, and a function from runs and a task to a
# verdict, str.
CLAIMS = {
    "levels_accuracy": (
        "accuracy rises with the number of levels up to four, and falls at five",
        _judge_levels,
    ),
    "levels_macs": ("the more levels, the smaller the networks that are found", _judge_sizes),
    "initial_distribution": (
        "uniform or random initial distributions end 2 to 3 points lower in the initial stage",
        _judge_distributions,
    ),
    "choice": (
        "the distribution of chosen models is neither deterministic nor uniform",
        _judge_choice,
    ),
}
# The figures that a study file may name, with the names of their files.
FIGURES = {
    "levels": "figure_2a_levels",
    "initial_distribution": "figure_2b_initial_distributions",
}


def _verdict(holds, numbers):
    return f"{'holds' if holds else 'does not hold'} here. {numbers}"


def _not_measured(missing, numbers):
    return f"not measured here ({missing} missing). {numbers}"


def _means(shares):
    """Returns the means over seeds of what was measured."""
    means = {name: statistics.fmean(of) for name, of in shares.items()}
    return {name: mean for name, mean in means.items() if not math.isnan(mean)}


def _rises(values):
    return all(a < b for a, b in itertools.pairwise(values))


def _lower(points):
    return f"{abs(points):.1f} points {'lower' if points >= 0 else 'higher'}"


def _percent(shares, form=".2f"):
    if any(map(math.isnan, shares)):
        return "(not measured)"
    return f"{mean_and_spread([100 * share for share in shares], form)} %"
