"""What an ablation ends with: its figure, as a file, and its claims, in words."""

import math

from elastic_tf_tools.run_directory import RunDirectory

from elastic_tf.report.analysis import read_curves
from elastic_tf.report.claims import (
    CHOICE_CLAIM,
    DISTRIBUTIONS,
    format_claim,
    judge_choices,
    judge_distributions,
    judge_levels,
    judge_sizes,
)
from elastic_tf.report.study_figures import draw_distributions_ablation, draw_levels_ablation
from elastic_tf.report.style import save_png

_RISE = "Claim: accuracy rises with the number of levels up to four, and falls at five."
_SMALLER = "Claim: the more levels, the smaller the networks that are found."
_START = (
    "Claim: uniform or random initial distributions end 2 to 3 points lower in the initial stage."
)


def report_levels(runs, folder):
    """Writes figure 2 (a) and returns the verdicts, str of several lines.

    Args:
        runs: list of finished `StudyRun`.
        folder: path of the study.
    """
    points, shares = {}, {}
    for run in runs:
        number = int(run.variant.removeprefix("levels"))
        for task, figures in run.results().items():
            share = figures["macs_share"]
            point = (share * figures["full_macs"], figures["accuracy"]["selector"])
            points.setdefault(task, {}).setdefault(number, []).append(point)
            shares.setdefault(task, {}).setdefault(number, []).append(share)
    path = folder / "figure_2a_levels.png"
    save_png(draw_levels_ablation(points), path)
    rises = [
        judge_levels({number: [a for _, a in of] for number, of in by_number.items()}, task)
        for task, by_number in points.items()
    ]
    sizes = [judge_sizes(by_number, task) for task, by_number in shares.items()]
    return _text([(_RISE, rises), (_SMALLER, sizes), _choices(runs)], path)


def report_distributions(runs, folder):
    """Writes figure 2 (b) and returns the verdicts; args as of `report_levels`."""
    curves, final, initial_steps = {}, {}, 0
    for run in runs:
        directory = RunDirectory(run.output_dir)
        initial_steps = directory.read_flags()["initial_steps"]
        logged = read_curves(directory.logs)["validation"]
        for task, figures in run.results().items():
            curve = logged.get(f"{task}_full_accuracy", [])
            curves.setdefault(task, {}).setdefault(run.variant, []).append(curve)
            accuracy = figures["accuracy"]["selector"]
            final.setdefault(task, {}).setdefault(run.variant, []).append(accuracy)
    path = folder / "figure_2b_initial_distributions.png"
    save_png(draw_distributions_ablation(curves, initial_steps), path)
    verdicts = [
        judge_distributions(
            {name: [_last_before(c, initial_steps) for c in of] for name, of in by_name.items()},
            final[task],
            task,
        )
        for task, by_name in curves.items()
    ]
    return _text([(_START, verdicts), _choices(runs)], path)


def _choices(runs):
    """Returns the claim about the choice and its verdicts, on all seeds of one variant.

    That is the method's own; the first where it has not been trained.
    """
    variants = [run.variant for run in runs]
    own = [variant for variant in ("levels4", DISTRIBUTIONS[0]) if variant in variants]
    judged = own[0] if own else variants[0]
    results = [run.results() for run in runs if run.variant == judged]
    policy = next(iter(results[0].values()))["policy"]
    verdicts = judge_choices(results, len(policy["level_shares"][0]))
    return f"{CHOICE_CLAIM} Judged on {judged}.", verdicts


def _last_before(curve, step):
    """Returns the last value at or before a step; not a number where there is none."""
    values = [value for at, value in curve if at <= step]
    return values[-1] if values else math.nan


def _text(claims, path):
    parts = [format_claim(claim, verdicts) for claim, verdicts in claims]
    return "\n\n".join(["", *parts, f"Saved: {path}"])
