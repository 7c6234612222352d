"""Tables of what a trained network comes to at budgets, and what fixed models do; and as CSV."""

from elastic_tf.evaluation.budget_curve import largest_miss
from elastic_tf.files import markdown_table, write_csv
from elastic_tf.report.tables import gain_text, model_name, table_lines


def format_curves(curves):
    """Returns a table for every task, a row for each budget, and what is beside them.

    Args:
        curves: dict from task to what `budget_curve` returns.

    Returns:
        str of several lines.
    """
    return "\n\n".join(_format_curve(task, curve) for task, curve in curves.items())


def _format_curve(task, curve):
    rows = [
        (
            choice,
            f"{100 * point['budget']:.1f}" if "budget" in point else "",
            f"{100 * point['macs_share']:.1f}",
            f"{100 * point['accuracy']:.2f}",
            "" if point.get("is_reachable", True) else "out of reach",
        )
        for choice, point in _choices(curve)
    ]
    miss = largest_miss(curve)
    within = f"largest miss of a budget within reach {100 * (miss or 0):.2f} points"
    lines = [
        f"{task}: {curve['num_images']} images",
        *table_lines(("choice", "budget %", "MACs %", "accuracy %", ""), rows),
        f"  {'no budget is within reach' if miss is None else within}",
    ]
    return "\n".join(lines)


def write_curves_csv(path, curves):
    """Writes a line for each task and choice, whole or not at all; see `format_curves`."""
    write_csv(
        path,
        (
            {"task": task, "choice": choice} | point
            for task, curve in curves.items()
            for choice, point in _choices(curve)
        ),
        ("task", "choice", "budget", "price", "is_reachable", "macs_share", "accuracy"),
    )


def _choices(curve):
    """Returns every choice of models as a tuple: its name, its point."""
    *levels, full = curve["levels"]
    return [
        *(("at the budget", point) for point in curve["budgets"]),
        ("selector", curve["selector"]),
        *((f"level {k} everywhere", point) for k, point in enumerate(levels)),
        ("full model", full),
    ]


def format_joint(points):
    """Returns a table of ways to keep a budget over tasks, str of several lines.

    Args:
        points: list of what `JointBudgets.measure` returns.
    """
    rows = []
    for point in points:
        for name in ("second_look", "selector"):
            if name in point:
                of = point[name]
                rows.append(
                    (
                        f"{100 * point['budget']:.0f}",
                        name.replace("_", " "),
                        f"{100 * of['macs_share']:.1f}",
                        f"{100 * of['accuracy']:.2f}",
                        gain_text(of),
                        _shares(of["tasks"]),
                        _shares(of["front"]),
                    )
                )
    header = ("budget %", "choice", "MACs %", "accuracy %", "over fixed models, points (95 %)")
    return "\n".join(table_lines((*header, "MACs % by task", "of fixed models"), rows))


def _shares(tasks):
    return ", ".join(f"{100 * of['macs_share']:.0f}" for of in tasks.values())


def format_bounds(found):
    """Returns a table for every task, a row for what a choice may see, str of several lines.

    Args:
        found: dict from task to what `choice_bounds` returns.
    """
    return "\n\n".join(_format_bounds(task, of) for task, of in found.items())


def _format_bounds(task, found):
    cheap, budgets = found["cheap"], found["budgets"]
    answer = f"its answer, model {model_name(cheap['levels'])}"
    names = {"labels": "the labels", "answer": f"{answer}, {100 * cheap['macs_share']:.0f} %"}
    rows = [
        (
            names.get(name, f"features of a cheap model at {name.replace('_', ' ')}"),
            *(f"{point['seen'][name]['gain_over_front']['points']:+.2f}" for point in budgets),
        )
        for name in budgets[0]["seen"]
    ]
    header = ("what is seen", *(f"{100 * point['budget']:.0f} %" for point in budgets))
    return "\n".join([f"{task}, by budget", *table_lines(header, rows)])


def format_fixed_models(found):
    """Returns the best fixed model for every budget, a table for each task, Markdown.

    Args:
        found: dict from task to what `search_fixed_models` returns.
    """
    return "\n".join(_format_models(task, each) for task, each in found.items())


def _format_models(task, found):
    rows = [
        (f"at most {100 * best['budget']:g} %", model_name(best["levels"]), best)
        for best in found["best"]
    ]
    rows.append(("the selector's choice", "per image", found["selector"]))
    table = markdown_table(
        ("MACs", "model", "MACs %", "validation %", "test %"),
        [
            (
                name,
                model,
                f"{100 * figures['macs_share']:.1f}",
                f"{100 * figures['validation_accuracy']:.2f}",
                f"{100 * figures['test_accuracy']:.2f}",
            )
            for name, model, figures in rows
        ],
    )
    return (
        f"## {task}\n\n{len(found['tried'])} of {found['num_models']:,} models tried, on "
        f"validation images; what was found is measured on the test split too.\n\n{table}\n"
    )


def write_fixed_models_csv(path, found):
    """Writes a line for each model tried, by rising MACs, whole or not at all.

    Args:
        path: str or path.
        found: see `format_fixed_models`.
    """
    write_csv(
        path,
        (
            tried | {"task": task, "levels": model_name(tried["levels"])}
            for task, each in found.items()
            for tried in sorted(each["tried"], key=lambda model: model["macs_share"])
        ),
        ("task", "levels", "macs_share", "validation_accuracy"),
    )
