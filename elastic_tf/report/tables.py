"""Figures as tables, for a person, and as CSV, where shares are in [0, 1] and not in %."""

import statistics

from elastic_tf.files import aligned

_GAIN = "{points:+.2f} ({low:+.2f} to {high:+.2f})"
# Ways to choose at budgets, by what is printed.
_WAYS = {"selector": "budget_gains", "second look": "second_look"}


def model_name(levels):
    """Returns e.g. `2-0-3`.

    Args:
        levels: sequence of int, one per block.
    """
    return "-".join(str(int(level)) for level in levels)


def mean_and_spread(values, form):
    """Returns a mean over seeds, with the standard deviation where there are several; a str.

    Args:
        values: list of numbers; a dash where it is empty.
        form: str, how the mean is printed, as `"+.2f"`.
    """
    if not values:
        return "–"
    mean = format(statistics.fmean(values), form)
    if len(values) < 2:
        return mean
    return f"{mean} ± {format(statistics.stdev(values), form.lstrip('+'))}"


def format_results(results):
    """Returns a table for every task, a row for each way to choose a model.

    Args:
        results: dict from task to what `evaluate_task` returns.

    Returns:
        str of several lines.
    """
    return "\n\n".join(_format_task(task, figures) for task, figures in results.items())


def _format_task(task, figures):
    rows = [
        (name, f"{100 * figures['accuracy'][key]:.2f}", f"{100 * share:.1f}")
        for name, key, share in result_rows(figures)
    ]
    policy, macs = figures["policy"], figures["policy"]["macs"]
    models = ", ".join(
        f"{model_name(model['levels'])} ({100 * model['share']:.0f} %)"
        for model in policy["top_models"][:3]
    )
    selector = 100 * figures["selector_macs"] / figures["full_macs"]
    lines = [
        f"{task}: {figures['num_images']} images, full model "
        f"{figures['full_macs'] / 1e6:.2f} million MACs",
        *table_lines(("model", "accuracy %", "MACs %"), rows),
        *(f"  gain over {name} {gain}" for name, gain in result_gains(figures)),
        *_budget_lines(figures),
        *(f"  top-5 accuracy {text}" for text in top5_texts(figures)),
    ]
    if not has_selector(figures):
        return "\n".join(lines)
    lines += [
        f"  density {figures['density']:.3f}, selector {selector:.1f} % of the full model's MACs; "
        f"MACs per image p50 {100 * macs['p50']:.1f} %, p95 {100 * macs['p95']:.1f} %",
        f"  {policy['distinct_models']} distinct models, entropy {policy['entropy']:.2f} nats, "
        f"top ten {100 * policy['top_share']:.0f} %; most used: {models}",
    ]
    return "\n".join(lines)


def result_rows(figures):
    """Returns the rows of one task's table.

    Args:
        figures: dict, what `evaluate_task` returns.

    Returns:
        List of tuples: what is printed, key in `accuracy`, share of MACs.
    """
    share, fixed = figures["macs_share"], figures["fixed_macs_share"]
    levels = [
        (f"{level.replace('_', ' ')} everywhere", level, macs) for level, macs in fixed.items()
    ]
    if not has_selector(figures):
        return [("full model", "full", 1.0), *levels[:-1]]
    rows = [("selector", "selector", share), ("full model", "full", 1.0)]
    if "front" in figures:
        rows.append(("fixed models, mixed", "front", share))
    return [
        *rows,
        *levels,
        ("random levels", "random", figures["random_macs_share"]),
        ("random at selector's cost", "random_at_cost", share),
        ("selector's choice, shuffled", "shuffled", share),
    ]


def has_selector(figures):
    """Returns whether a network of these figures, of `evaluate_task`, has a selector, a bool."""
    return figures["selector_macs"] > 0


def result_gains(figures):
    """Returns what the choice gains, a list of pairs of str: over what, and how much.

    Args:
        figures: dict, what `evaluate_task` returns.
    """
    names = {
        "gain_over_shuffled": "its shuffled choices",
        "gain_over_front": "fixed models and their mixtures",
        "gain_over_test_hull": "those best on these images",
        "gain_over_front_mean": "fixed models, mean over budgets",
        "second_look_gain_mean": "fixed models by a second look, mean over budgets",
    }
    if not has_selector(figures):
        names = {key: name for key, name in names.items() if key.startswith("second_look")}
    text = "{points:+.2f} points (95 %: {low:+.2f} to {high:+.2f})"
    return [(name, text.format_map(figures[key])) for key, name in names.items() if key in figures]


def _budget_lines(figures):
    """Returns a table of what is reached at budgets, and gained, a list of str; empty without.

    Args:
        figures: dict, what `evaluate_task` returns.
    """
    ways = {name: figures[key] for name, key in _WAYS.items() if key in figures}
    if not ways:
        return []
    by_budget = [{point["budget"]: point for point in points} for points in ways.values()]
    rows = [
        (f"{100 * budget:g}", *(_reached_at(points.get(budget)) for points in by_budget))
        for budget in sorted({budget for points in by_budget for budget in points})
    ]
    title = "  at budgets: accuracy, %, at MACs, %: points over fixed models (95 %)"
    return [title, *table_lines(("budget %", *ways), rows)]


def _reached_at(point):
    if not point:
        return ""
    reached = f"{100 * point['accuracy']:.2f} at {100 * point['macs_share']:.1f}"
    return f"{reached}: {gain_text(point)}"


def gain_text(point):
    """Returns the gain over fixed models with its interval; of a dict with `gain_over_front`."""
    return _GAIN.format_map(point["gain_over_front"])


def top5_texts(figures):
    """Returns how often a class is among the five likeliest, a list of one str, if it is measured.

    Args:
        figures: dict, what `evaluate_task` returns.
    """
    text = "{selector:.2f} %, full model {full:.2f} %"
    top5 = figures.get("top5_accuracy", {})
    percent = {name: 100 * share for name, share in top5.items()}
    return [text.format_map(percent)] if top5 else []


def table_lines(header, rows):
    """Returns the lines of a table for the terminal."""
    return ["  ".join(["", *cells]).rstrip() for cells in aligned(header, rows)]


def format_validation(figures):
    """Returns what `validation_figures` returns in a line: accuracy and MACs of the choice."""
    choices = {task: curve["selector"] for task, curve in figures["tasks"].items()}
    return "; ".join(
        f"{task} {100 * choice['accuracy']:.2f} % at {100 * choice['macs_share']:.1f} % MACs"
        for task, choice in choices.items()
    )
