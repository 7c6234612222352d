"""The final table of a run, one row per choice of models, as a person reads it."""


def format_results(results):
    """Returns the table of every task.

    Args:
        results: dict from task name to what `evaluate_task` returns.

    Returns:
        str of several lines.
    """
    return "\n\n".join(_format_task(task, figures) for task, figures in results.items())


def _format_task(task, figures):
    rows = "\n".join(
        f"  {name:<28} {100 * figures['accuracy'][key]:>10.2f} {100 * share:>8.1f}"
        for name, key, share in result_rows(figures)
    )
    return (
        f"{task}: {figures['num_images']} images, full model "
        f"{figures['full_macs'] / 1e6:.2f} million MACs\n"
        f"  {'model':<28} {'accuracy %':>10} {'MACs %':>8}\n{rows}\n{_format_policy(figures)}"
    )


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
        name = f"best static, {_join(best['levels'])}"
        rows.append((name, "best_fixed", best["macs_share"]))
    rows += [(f"level {k} everywhere", f"level_{k}", fixed[f"level_{k}"]) for k in _levels(fixed)]
    return rows + [
        ("random levels", "random", figures["random_macs_share"]),
        ("random at selector's cost", "random_at_cost", share),
        ("selector's choice, shuffled", "shuffled", share),
    ]


def _format_policy(figures):
    policy, macs = figures["policy"], figures["policy"]["macs"]
    models = ", ".join(map(_format_model, policy["top_models"][:3]))
    gains = [
        f"  gain over {name} {format_gain(figures[key])}"
        for name, key in (("shuffled", "gain_over_shuffled"), ("static", "gain_over_best_fixed"))
        if key in figures
    ]
    lines = [
        *gains,
        f"  density {figures['density']:.3f}, selector "
        f"{100 * figures['selector_macs'] / figures['full_macs']:.1f} % of the full model's MACs; "
        f"MACs per image p50 {100 * macs['p50']:.1f} %, p95 {100 * macs['p95']:.1f} %",
        f"  {policy['distinct_models']} distinct models, entropy {policy['entropy']:.2f} nats, "
        f"top ten {100 * policy['top_share']:.0f} %; most used: {models}",
    ]
    return "\n".join(lines)


def format_gain(gain):
    """Returns a `paired_gain` as text, in points with its interval."""
    return f"{gain['points']:+.2f} points (95 %: {gain['low']:+.2f} to {gain['high']:+.2f})"


def _levels(macs):
    return range(len(macs))


def _format_model(model):
    return f"{_join(model['levels'])} ({100 * model['share']:.0f} %)"


def _join(levels):
    return "-".join(map(str, levels))
