"""The figures of a study: mean and spread over seeds, as data and as a table in Markdown."""

import statistics
import typing

from elastic_tf.files import markdown_table


class Figure(typing.NamedTuple):
    """One figure of the results.

    Attributes:
        name: str, its key in JSON.
        title: str, its column's.
        path: tuple of keys that lead to it in what `evaluate_task` returns.
        form: str, how a mean is printed.
        factor: number it is multiplied with, from share to per cent.
    """

    name: str
    title: str
    path: tuple
    form: str = ".2f"
    factor: int = 1


FIGURES = (
    Figure("selector_accuracy", "selector %", ("accuracy", "selector"), factor=100),
    Figure("full_accuracy", "full model %", ("accuracy", "full"), factor=100),
    Figure("macs_share", "MACs %", ("macs_share",), ".1f", 100),
    Figure("gain_over_shuffled", "gain over shuffled", ("gain_over_shuffled", "points"), "+.2f"),
    Figure(
        "gain_over_best_fixed", "gain over best fixed", ("gain_over_best_fixed", "points"), "+.2f"
    ),
    Figure("distinct_models", "models", ("policy", "distinct_models"), ".1f"),
    Figure("most_used_share", "most used %", ("policy", "top_models", 0, "share"), ".1f", 100),
)


def study_figures(study, runs):
    """Returns all figures of a study, a dict of plain Python values.

    Args:
        study: a `Study`.
        runs: list of finished `StudyRun`.

    Returns:
        Dict with `study`, `description` and `variants`, a dict by name of: `description`,
        `flags`; `seeds`, those that have finished; `tasks`, by task and by the name of a figure a
        dict of `mean`, `spread` (the sample's standard deviation, `None` below two seeds) and
        `values`, one for each seed; `results`, by seed, what the runs wrote themselves.
    """
    return {
        "study": study.name,
        "description": study.description,
        "variants": {
            variant.name: _variant_figures(
                variant, [run for run in runs if run.variant == variant.name]
            )
            for variant in study.variants
        },
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
    results = {run.seed: run.results() for run in sorted(runs, key=lambda run: run.seed)}
    tasks = dict.fromkeys(task for of_run in results.values() for task in of_run)
    return {
        "description": variant.description,
        "flags": list(variant.flags),
        "seeds": list(results),
        "tasks": {
            task: _task_figures([of_run[task] for of_run in results.values() if task in of_run])
            for task in tasks
        },
        "results": results,
    }


def _task_figures(results):
    return {figure.name: _summary(figure, results) for figure in FIGURES}


def _summary(figure, results):
    """Returns mean, spread and values of a figure over the runs in which it was measured."""
    values = []
    for value in results:
        try:
            for key in figure.path:
                value = value[key]
        except (KeyError, IndexError):
            continue
        values.append(float(figure.factor * value))
    return {
        "mean": statistics.fmean(values) if values else None,
        "spread": statistics.stdev(values) if len(values) > 1 else None,
        "values": values,
    }


def _format_task(task, variants):
    rows = [
        [f"`{name}`", *_cells(variant["tasks"].get(task))] for name, variant in variants.items()
    ]
    table = markdown_table(["variant", "seeds", *(figure.title for figure in FIGURES)], rows)
    return f"## {task}\n\nMean ± standard deviation over seeds, on the test split.\n\n{table}"


def _cells(figures):
    """Returns the number of seeds and the figures of one variant; dashes where there are none."""
    if figures is None:
        return ["0"] + ["–"] * len(FIGURES)
    seeds = len(figures[FIGURES[0].name]["values"])
    return [str(seeds), *(_format(figure.form, figures[figure.name]) for figure in FIGURES)]


def _format(form, summary):
    if summary["mean"] is None:
        return "–"
    mean = format(summary["mean"], form)
    if summary["spread"] is None:
        return mean
    return f"{mean} ± {format(summary['spread'], form.lstrip('+'))}"
