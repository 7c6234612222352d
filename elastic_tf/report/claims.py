"""The supplement's claims, each held against what was measured."""

import dataclasses
import itertools
import math
import statistics

CHOICE_CLAIM = "Claim: the distribution of chosen models is neither deterministic nor uniform."
# Of the initial stage, the paper's own first.
DISTRIBUTIONS = ("proposed", "uniform", "random")
_PAPERS_LEVELS = 4
_PAPERS_LOSS = 2  # Points: it says 2 to 3.
# A choice is called deterministic from this share of images on one model on, and uniform from this
# share of the entropy that it could have at most.
_DETERMINISTIC, _UNIFORM = 0.99, 0.95


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether a claim holds for one task.

    Attributes:
        task: str.
        holds: bool; `None` where something that it is judged by was not measured.
        numbers: str, those that it is judged by.
        missing: str, what was not measured.
    """

    task: str
    holds: bool | None
    numbers: str
    missing: str = ""

    def __str__(self):
        if self.holds is None:
            return f"{self.task}: not measured here ({self.missing} missing). {self.numbers}"
        return f"{self.task}: {'holds' if self.holds else 'does not hold'} here. {self.numbers}"


def judge_levels(accuracies, task):
    """Judges: accuracy rises with the number of levels up to four, and falls at five.

    Args:
        accuracies: dict from the number of levels to a list of shares in [0, 1], one per seed.
        task: str.

    Returns:
        `Verdict` on means over seeds, with four, five and at least one number below four.
    """
    means = {number: statistics.fmean(of) for number, of in sorted(accuracies.items())}
    text = ", ".join(f"{_percent(accuracies[number])} with {number}" for number in means)
    text = f"Accuracy of the selector's choice: {text} levels."
    measured = [number for number, mean in means.items() if not math.isnan(mean)]
    missing = [f"{n} levels" for n in (_PAPERS_LEVELS, _PAPERS_LEVELS + 1) if n not in measured]
    if not any(number < _PAPERS_LEVELS for number in measured):
        missing.insert(0, f"fewer than {_PAPERS_LEVELS} levels")
    if missing:
        return Verdict(task, None, text, " and ".join(missing))
    up_to = [means[number] for number in measured if number <= _PAPERS_LEVELS]
    falls = means[_PAPERS_LEVELS + 1] < means[_PAPERS_LEVELS]
    return Verdict(task, falls and _rises(up_to), text)


def judge_sizes(macs, task):
    """Judges: the more levels, the smaller the networks that are found.

    Args:
        macs: dict from the number of levels to a list of shares of the full model's MACs, one per
            seed: mean of an image, selector included.
        task: str.

    Returns:
        `Verdict` on means over seeds, with at least two numbers of levels.
    """
    means = {number: statistics.fmean(of) for number, of in sorted(macs.items())}
    text = ", ".join(f"{_percent(macs[number])} with {number}" for number in means)
    text = f"MACs of the selector's choice: {text} levels."
    sizes = [mean for mean in means.values() if not math.isnan(mean)]
    if len(sizes) < 2:
        return Verdict(task, None, text, "other numbers of levels")
    return Verdict(task, _rises(sizes[::-1]), text)


def judge_distributions(initial, final, task):
    """Judges: other initial distributions end 2 to 3 points lower in the initial stage.

    Args:
        initial: dict from the distribution to a list of shares in [0, 1], one per seed: validation
            accuracy of the full model at the end of the initial stage; not a number where it was
            not logged.
        final: the same of the selector's choice on the test split, at the end of all.
        task: str.

    Returns:
        `Verdict`, of "at least 2 points lower", with all three distributions.
    """
    means = {name: statistics.fmean(of) for name, of in initial.items()}
    measured = {name: mean for name, mean in means.items() if not math.isnan(mean)}
    losses = {
        name: 100 * (measured["proposed"] - mean)
        for name, mean in measured.items()
        if name != "proposed" and "proposed" in measured
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
        return Verdict(task, None, text, " and ".join(missing))
    return Verdict(task, min(losses.values()) >= _PAPERS_LOSS, text)


def judge_choice(policies, entropy_bound, task):
    """Judges: the distribution of chosen models is neither deterministic nor uniform.

    Args:
        policies: list of dict, one per seed, what `policy_statistics` returns.
        entropy_bound: float >= 0, nats, the most entropy that the choice could have: the logarithm
            of the number of models, or of images where these are fewer.
        task: str.

    Returns:
        `Verdict`; it holds if it does for every seed.
    """
    tops = [policy["top_models"][0]["share"] for policy in policies]
    entropies = [policy["entropy"] for policy in policies]
    models = [policy["distinct_models"] for policy in policies]
    holding = [
        top < _DETERMINISTIC and entropy < _UNIFORM * entropy_bound
        for top, entropy in zip(tops, entropies, strict=True)
    ]
    seeds = f"{sum(holding)} of {len(holding)} seeds hold: " if len(holding) > 1 else ""
    return Verdict(
        task,
        all(holding),
        f"{seeds}{_number(models, 0 if len(models) == 1 else 1)} "
        f"model{'' if models == [1] else 's'}, {_number([100 * top for top in tops], 1)} % of the "
        f"images on the most used; entropy {_number(entropies, 2)} nats of at most "
        f"{entropy_bound:.2f}.",
    )


def judge_choices(results, num_levels):
    """Returns a `Verdict` of `judge_choice` for each task, a list.

    Args:
        results: list of dict, one per seed, from task to what `evaluate_task` returns.
        num_levels: int.
    """
    verdicts = []
    for task, figures in results[0].items():
        models = num_levels ** len(figures["policy"]["level_shares"])
        bound = math.log(min(models, figures["num_images"]))
        verdicts.append(judge_choice([of[task]["policy"] for of in results], bound, task))
    return verdicts


def format_claim(claim, verdicts):
    """Returns a claim with a line for each verdict, str."""
    return "\n".join([claim, *(f"  {verdict}" for verdict in verdicts)])


def _rises(values):
    return all(a < b for a, b in itertools.pairwise(values))


def _lower(points):
    return f"{abs(points):.1f} points {'lower' if points >= 0 else 'higher'}"


def _percent(shares):
    if any(map(math.isnan, shares)):
        return "(not measured)"
    return f"{_number([100 * share for share in shares], 2)} %"


def _number(values, digits):
    """Returns the mean over seeds, with the standard deviation where there are several."""
    mean = f"{statistics.fmean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.{digits}f}"
