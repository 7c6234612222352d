"""The figures of a study: mean and spread over seeds, as data and as a table in Markdown."""

import statistics

from elastic_tf.files import markdown_table
from elastic_tf.report.tables import mean_and_spread

# By a figure's name in JSON: the title of its column, the keys that lead to it in what
# `evaluate_task` returns, how a mean is printed, and a factor, from share to per cent.
FIGURES = {
    "selector_accuracy": ("selector %", ("accuracy", "selector"), ".2f", 100),
    "full_accuracy": ("full model %", ("accuracy", "full"), ".2f", 100),
    "macs_share": ("MACs %", ("macs_share",), ".1f", 100),
    "gain_over_shuffled": ("gain over shuffled", ("gain_over_shuffled", "points"), "+.2f", 1),
    "gain_over_front": ("gain over front", ("gain_over_front", "points"), "+.2f", 1),
    "second_look_gain": (
        "gain by second look, mean",
        ("second_look_gain_mean", "points"),
        "+.2f",
        1,
    ),
    "distinct_models": ("models", ("policy", "distinct_models"), ".1f", 1),
    "most_used_share": ("most used %", ("policy", "top_models", 0, "share"), ".1f", 100),
}


def study_figures(study, runs):
    """Returns all figures of a study, a dict of plain Python values.

    Args:
        study: a `Study`.
        runs: list of dicts, `StudyRun.facts` of those that have finished, by seed.

    Returns:
        Dict with `study`, `description` and `variants`, a dict by name of: `description`,
        `flags`; `seeds`, those that have finished; `tasks`, by task and by the name of a figure a
        dict of `mean`, `spread` (the sample's standard deviation, `None` below two seeds) and
        `values`, one for each seed; `results`, by seed, what the runs wrote themselves.
    """
    return {
        "study": study.name,
        "description": study.description,
        "variants": {variant.name: _variant_figures(variant, runs) for variant in study.variants},
    }


def format_study(figures):
    """Returns the text of `table.md`, str of several lines.

    Args:
        figures: dict, as `study_figures` returns it.
    """
    variants = figures["variants"]
    tasks = dict.fromkeys(task for variant in variants.values() for task in variant["tasks"])
    parts = [
        f"# {figures['study']}",
        *filter(None, [figures["description"]]),
        "\n".join(f"- `{name}`: {variant['description']}" for name, variant in variants.items()),
        *(_format_task(task, variants) for task in tasks),
    ]
    return "\n\n".join(parts) + "\n"


def _variant_figures(variant, runs):
    results = {run["seed"]: run["results"] for run in runs if run["variant"] == variant.name}
    tasks = dict.fromkeys(task for of_run in results.values() for task in of_run)
    return {
        "description": variant.description,
        "flags": list(variant.flags),
        "seeds": list(results),
        "tasks": {
            task: {
                name: _summary(path, factor, [of[task] for of in results.values() if task in of])
                for name, (_, path, _, factor) in FIGURES.items()
            }
            for task in tasks
        },
        "results": results,
    }


def _summary(path, factor, results):
    """Returns mean, spread and values of a figure over the runs in which it was measured."""
    values = []
    for value in results:
        try:
            for key in path:
                value = value[key]
        except (KeyError, IndexError):
            continue
        values.append(float(factor * value))
    return {
        "mean": statistics.fmean(values) if values else None,
        "spread": statistics.stdev(values) if len(values) > 1 else None,
        "values": values,
    }


def _format_task(task, variants):
    rows = []
    for name, variant in variants.items():
        figures = variant["tasks"].get(task)
        values = {of: figures[of]["values"] if figures else [] for of in FIGURES}
        cells = [mean_and_spread(values[of], form) for of, (_, _, form, _) in FIGURES.items()]
        rows.append([f"`{name}`", str(len(values["selector_accuracy"])), *cells])
    titles = [title for title, *_ in FIGURES.values()]
    table = markdown_table(["variant", "seeds", *titles], rows)
    return f"## {task}\n\nMean ± standard deviation over seeds, on the test split.\n\n{table}"
