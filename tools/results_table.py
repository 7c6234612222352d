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
    accuracy, macs = figures["accuracy"], figures["fixed_macs_share"]
    rows = [
        ("selector", accuracy["selector"], figures["macs_share"]),
        ("full model", accuracy["full"], 1.0),
        *(
            (f"level {k} everywhere", accuracy[f"level_{k}"], macs[f"level_{k}"])
            for k in _levels(macs)
        ),
        ("random levels", accuracy["random"], figures["random_macs_share"]),
        ("selector's choice, shuffled", accuracy["shuffled"], figures["macs_share"]),
    ]
    lines = [
        f"{task}: {figures['num_images']} test images, full model "
        f"{figures['full_macs'] / 1e6:.2f} million MACs",
        f"  {'model':<28} {'accuracy %':>10} {'MACs %':>8}",
        *(f"  {name:<28} {100 * hits:>10.2f} {100 * share:>8.1f}" for name, hits, share in rows),
        f"  density {figures['density']:.3f}, selector "
        f"{100 * figures['selector_macs'] / figures['full_macs']:.1f} % of the full model's MACs",
        f"  {figures['distinct_models']} distinct models; most used: "
        + ", ".join(_format_model(model) for model in figures["top_models"][:3]),
    ]
    return "\n".join(lines)


def _levels(macs):
    return range(len(macs))


def _format_model(model):
    return f"{'-'.join(map(str, model['levels']))} ({100 * model['share']:.0f} %)"
