"""The supplement's claims, each held against what was measured."""

import dataclasses
import math
import statistics

CHOICE_CLAIM = "Claim: the distribution of chosen models is neither deterministic nor uniform."
_PAPERS_LEVELS = 4
_PAPERS_LOSS = (2, 3)
# A choice is called deterministic from this share of images on one model on, and uniform from this
# share of the entropy that it could have at most.
_DETERMINISTIC, _UNIFORM = 0.99, 0.95


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether a claim holds for one task.

    Attributes:
        task: str.
        holds: bool.
        numbers: str, those that it is judged by.
    """

    task: str
    holds: bool
    numbers: str

    def __str__(self):
        return f"{self.task}: {'holds' if self.holds else 'does not hold'} here. {self.numbers}"


def judge_levels(accuracies, task):
    """Judges: accuracy rises with the number of levels up to four, and falls at five.

    Args:
        accuracies: dict from the number of levels to a list of shares in [0, 1], one per seed.
        task: str.

    Returns:
        `Verdict` on means over seeds.
    """
    means = {number: statistics.fmean(of) for number, of in sorted(accuracies.items())}
    numbers = list(means)
    rises = [means[a] < means[b] for a, b in zip(numbers, numbers[1:], strict=False)]
    up_to = [rise for rise, b in zip(rises, numbers[1:], strict=True) if b <= _PAPERS_LEVELS]
    beyond = [rise for rise, b in zip(rises, numbers[1:], strict=True) if b > _PAPERS_LEVELS]
    holds = bool(up_to) and all(up_to) and not any(beyond)
    text = ", ".join(f"{_percent(accuracies[number])} with {number}" for number in numbers)
    return Verdict(task, holds, f"Accuracy of the selector's choice: {text} levels.")


def judge_sizes(macs, task):
    """Judges: the more levels, the smaller the networks that are found.

    Args:
        macs: dict from the number of levels to a list of shares of the full model's MACs, one per
            seed: mean of an image, selector included.
        task: str.

    Returns:
        `Verdict` on means over seeds.
    """
    means = {number: statistics.fmean(of) for number, of in sorted(macs.items())}
    sizes = list(means.values())
    holds = len(sizes) > 1 and all(a > b for a, b in zip(sizes, sizes[1:], strict=False))
    text = ", ".join(f"{_percent(macs[number])} with {number}" for number in means)
    return Verdict(task, holds, f"MACs of the selector's choice: {text} levels.")


def judge_distributions(initial, final, task):
    """Judges: other initial distributions end 2 to 3 points lower in the initial stage.

    Args:
        initial: dict from the distribution to a list of shares in [0, 1], one per seed: validation
            accuracy of the full model at the end of the initial stage.
        final: the same of the selector's choice on the test split, at the end of all.
        task: str.

    Returns:
        `Verdict`, of "at least 2 points lower".
    """
    proposed = statistics.fmean(initial["proposed"])
    others = [name for name in initial if name != "proposed"]
    losses = {name: 100 * (proposed - statistics.fmean(initial[name])) for name in others}
    texts = [
        f"{name} {_percent(initial[name])} then, {_percent(final[name])} at the end"
        for name in initial
    ]
    lower = ", ".join(f"{name} {loss:.1f} points lower" for name, loss in losses.items())
    return Verdict(
        task,
        bool(losses) and min(losses.values()) >= _PAPERS_LOSS[0],
        f"After the initial stage: {lower}. Full model, then selector: {'; '.join(texts)}.",
    )


def judge_choice(policy, entropy_bound, task):
    """Judges: the distribution of chosen models is neither deterministic nor uniform.

    Args:
        policy: dict, what `policy_statistics` returns.
        entropy_bound: float > 0, nats, the most entropy that the choice could have: the logarithm
            of the number of models, or of images where these are fewer.
        task: str.

    Returns:
        `Verdict`.
    """
    top, entropy = policy["top_models"][0]["share"], policy["entropy"]
    models = policy["distinct_models"]
    return Verdict(
        task,
        top < _DETERMINISTIC and entropy < _UNIFORM * entropy_bound,
        f"{models} model{'s' if models > 1 else ''}, {100 * top:.1f} % of the images on the most "
        f"used; entropy {entropy:.2f} nats of at most {entropy_bound:.2f}.",
    )


def judge_choices(results, num_levels):
    """Returns a `Verdict` of `judge_choice` for each task, a list.

    Args:
        results: dict from task to what `evaluate_task` returns.
        num_levels: int.
    """
    verdicts = []
    for task, figures in results.items():
        policy = figures["policy"]
        models = num_levels ** len(policy["level_shares"])
        bound = math.log(min(models, figures["num_images"]))
        verdicts.append(judge_choice(policy, bound, task))
    return verdicts


def format_claim(claim, verdicts):
    """Returns a claim with a line for each verdict, str."""
    return "\n".join([claim, *(f"  {verdict}" for verdict in verdicts)])


def _percent(shares):
    mean = f"{100 * statistics.fmean(shares):.2f}"
    if len(shares) < 2:
        return f"{mean} %"
    return f"{mean} ± {100 * statistics.stdev(shares):.2f} %"
