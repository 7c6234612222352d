"""Figures as tables, for a person, and as CSV, where shares are in [0, 1] and not in %."""

from elastic_tf.evaluation.budgets import largest_miss
from elastic_tf.files import markdown_table, write_csv
from elastic_tf.report.routing import model_name


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
        *_aligned(("model", "accuracy %", "MACs %"), rows),
        *(f"  gain over {name} {gain}" for name, gain in result_gains(figures)),
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
    rows = [("selector", "selector", share), ("full model", "full", 1.0)]
    if "best_fixed" in figures:
        best = figures["best_fixed"]
        name = f"best fixed, {model_name(best['levels'])}"
        rows.append((name, "best_fixed", best["macs_share"]))
    rows += [
        (f"{level.replace('_', ' ')} everywhere", level, macs) for level, macs in fixed.items()
    ]
    return rows + [
        ("random levels", "random", figures["random_macs_share"]),
        ("random at selector's cost", "random_at_cost", share),
        ("selector's choice, shuffled", "shuffled", share),
    ]


def result_gains(figures):
    """Returns what the choice gains, a list of pairs of str: over what, and how much.

    Args:
        figures: dict, what `evaluate_task` returns.
    """
    names = {
        "gain_over_shuffled": "its shuffled choices",
        "gain_over_best_fixed": "the best fixed model",
    }
    return [
        (
            name,
            f"{figures[key]['points']:+.2f} points "
            f"(95 %: {figures[key]['low']:+.2f} to {figures[key]['high']:+.2f})",
        )
        for key, name in names.items()
        if key in figures
    ]


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
        *_aligned(("choice", "budget %", "MACs %", "accuracy %", ""), rows),
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
    *levels, full = [(f"level {k} everywhere", point) for k, point in enumerate(curve["levels"])]
    return [
        *(("at the budget", point) for point in curve["budgets"]),
        ("selector", curve["selector"]),
        *levels,
        ("full model", full[1]),
    ]


def _aligned(header, rows):
    """Returns the lines of a table: the first column to the left, numbers to the right."""
    table = [header, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    return [
        "  ".join(["", row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in table
    ]


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


def write_analysis_csv(folder, analysis):
    """Writes the numbers behind the figures 3 and 4 of the supplement; blocks count from 1.

    Args:
        folder: `pathlib.Path`.
        analysis: `Analysis`.

    Returns:
        List of the files' paths; a table without rows, as of what tasks share, has none.
    """
    shared = [pair for model in analysis.shared_groups for pair in model.items()]
    groups = [(task, group) for task, of_task in analysis.groups.items() for group in of_task]
    tables = {
        "figure_3a_models": _model_rows(analysis.distributions),
        "figure_3b_levels": _level_rows(analysis.level_means),
        "figure_4_groups": _group_rows(groups, analysis.class_names),
        "figure_4_shared": _group_rows(shared, analysis.class_names),
        "task_agreement": _agreement_rows(analysis.agreement),
        "shared_models": _shared_rows(analysis.shared_models),
    }
    rows = {folder / f"{name}.csv": list(of) for name, of in tables.items()}
    paths = [path for path, of in rows.items() if of]
    for path in paths:
        write_csv(path, rows[path])
    return paths


def _model_rows(distributions):
    for name, chosen in distributions.items():
        used = zip(chosen.models, chosen.counts, chosen.shares, strict=True)
        for rank, (levels, count, share) in enumerate(used, 1):
            row = {"task": name, "rank": rank, "model": model_name(levels)}
            yield row | {"images": int(count), "share": float(share)}


def _level_rows(level_means):
    for name, means in level_means.items():
        for block, levels in enumerate(means, 1):
            for level, mean in enumerate(levels):
                yield {
                    "task": name,
                    "block": block,
                    "level": level,
                    "mean_probability": float(mean),
                }


def _group_rows(groups, class_names):
    for task, group in groups:
        for each in group.classes:
            yield {
                "task": task,
                "model": model_name(group.levels),
                "images": len(group.images),
                "share": group.share,
                "macs_share": group.macs_share,
                "accuracy": group.accuracy,
                "tasks": " ".join(group.tasks),
                "class": class_names[task][each["label"]],
                **{key: value for key, value in each.items() if key != "label"},
            }


def _agreement_rows(agreement):
    for (first, second), of in agreement.items():
        mean = sum(of["level_overlap"]) / len(of["level_overlap"])
        plain = {key: value for key, value in of.items() if key != "level_overlap"}
        yield {"first": first, "second": second, **plain, "mean_level_overlap": mean}


def _shared_rows(shared_models):
    for levels, shares in shared_models.items():
        for task, share in shares.items():
            yield {"model": model_name(levels), "task": task, "share": share}
