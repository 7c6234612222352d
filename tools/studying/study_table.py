"""The table of a study, in Markdown: a row for each variant, a table for each task."""

from elastic_tf_tools.studying.study_figures import FIGURES


def format_study(figures):
    """Returns the text of `table.md`.

    Args:
        figures: dict, as `study_figures` returns it.

    Returns:
        str of several lines.
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


def _format_task(task, variants):
    titles = ["variant", "seeds", *(figure.title for figure in FIGURES)]
    rows = [titles, ["---"] * len(titles)]
    for name, variant in variants.items():
        rows.append([f"`{name}`", *_cells(variant["tasks"].get(task))])
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"## {task}\n\nMean ± standard deviation over seeds, on the test split.\n\n{lines}"


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
