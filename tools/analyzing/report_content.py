"""What the report says: its tables, its figures and their captions."""

from tools.analyzing.curves_figure import draw_curves
from tools.analyzing.figure import inline_svg
from tools.analyzing.group_figure import draw_groups
from tools.analyzing.histogram_figure import draw_histogram
from tools.analyzing.level_figure import draw_levels
from tools.analyzing.model_name import model_name
from tools.analyzing.shared_models import shared_models
from tools.analyzing.tradeoff_figure import draw_tradeoff
from tools.results_table import format_gain, result_rows


def draw_figures(analysis):
    """Draws every figure of an analysis.

    Args:
        analysis: `Analysis`.

    Returns:
        Dict from the name of a figure's file, without its ending, to a `matplotlib` figure.
    """
    drawn = {
        "tradeoff": draw_tradeoff(analysis.results, analysis.budget_curves),
        "figure_3a_models": draw_histogram(analysis.distributions),
        "figure_3b_levels": draw_levels(analysis.level_means),
    }
    for routing in analysis.routings:
        groups = analysis.groups[routing.task]
        drawn[f"figure_4_{routing.task}"] = draw_groups(routing, groups, analysis.ratios)
    if analysis.stages and any(analysis.curves.values()):
        tasks = [routing.task for routing in analysis.routings]
        drawn["training"] = draw_curves(analysis.curves, tasks, analysis.stages)
    return drawn


def result_tables(results):
    """Returns the tables of results, a list of dicts as the template takes them."""
    return [
        {
            "task": task,
            "images": figures["num_images"],
            "rows": [
                {"name": name, "accuracy": 100 * figures["accuracy"][key], "macs": 100 * share}
                for name, key, share in result_rows(figures)
            ],
            "lines": [
                f"Gain over {name}: {format_gain(figures[key])}."
                for name, key in (
                    ("its shuffled choices", "gain_over_shuffled"),
                    ("the best fixed model", "gain_over_best_static"),
                )
                if key in figures
            ],
        }
        for task, figures in results.items()
    ]


def figure_sections(analysis, drawn):
    """Returns the sections with figures, a list of dicts as the template takes them.

    Args:
        analysis: `Analysis`.
        drawn: dict, of `draw_figures`.
    """
    sections = [
        _section(
            "tradeoff",
            "Trade-off",
            "Accuracy against MACs",
            "What each way to choose costs, and how often it is right.",
            [_part(drawn, "tradeoff", "accuracy against MACs")],
        ),
        _section(
            "models",
            "Models",
            "Which models are chosen",
            "Figure 3 (a) of the supplement: every model that is chosen for an image of the split, "
            "most used first. Dotted: all of them alike.",
            [_part(drawn, "figure_3a_models", "histogram of the models chosen")],
        ),
        _section(
            "levels",
            "Levels",
            "How wide each block runs",
            "Figure 3 (b) of the supplement: the mean over images of the selector's probability of "
            "each level. Level 0 is the narrowest.",
            [_part(drawn, "figure_3b_levels", "mean probability of each level in each block")],
        ),
        _section(
            "groups",
            "Groups",
            "Who is on the most used models",
            "Figure 4 of the supplement: for each task its most used models. Filled: the channels "
            "that run. Beside them images on the model, and the classes of all of its images.",
            [
                _part(
                    drawn,
                    f"figure_4_{task}",
                    f"most used models of {task}",
                    task,
                    group_lines(groups, analysis.class_names[task]),
                )
                for task, groups in analysis.groups.items()
            ],
        ),
    ]
    if "training" in drawn:
        text = (
            "On validation images. Dark: the selector trains; light: the estimator, on the "
            "selector's models; white: the initial stage, the estimator alone."
        )
        part = _part(drawn, "training", "accuracy and cost over the training")
        sections.insert(1, _section("training", "Training", "Training, by stage", text, [part]))
    return sections


def group_lines(groups, class_names):
    """Returns a line for each model: the classes that are on it more than by chance."""
    lines = []
    for group in groups:
        typical = [
            f"{class_names[each['label']]}: {100 * each['group_share']:.0f} % of its images, "
            f"{each['lift']:.1f} times the task's share"
            for each in group.typical_classes()
        ]
        images = "; ".join(typical) or "no class more than the others"
        lines.append(f"Model {model_name(group.levels)}. {images}.")
    return lines


def agreement_rows(agreement):
    """Returns the rows of the table of agreement, a list of dicts as the template takes them."""
    return [
        {
            "tasks": " and ".join(pair),
            "overlap": 100 * of["overlap"],
            "level_overlap": 100 * sum(of["level_overlap"]) / len(of["level_overlap"]),
            "divergence": of["divergence"],
            "shared_models": of["shared_models"],
        }
        for pair, of in agreement.items()
    ]


def shared_rows(routings, top):
    """Returns the rows of the table of shared models, a list of dicts as the template takes them.

    Args:
        routings: list of `TaskRouting`.
        top: int >= 1, rows at most.
    """
    return [
        {
            "model": model_name(model.levels),
            "shares": [100 * model.shares.get(routing.task, 0.0) for routing in routings],
        }
        for model in shared_models(routings)[:top]
    ]


def _section(name, short, title, text, parts):
    return {"id": name, "short": short, "title": title, "text": text, "parts": parts}


def _part(drawn, name, label, title="", lines=()):
    return {"title": title, "lines": lines, "svg": inline_svg(drawn[name], label)}
