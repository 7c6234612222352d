"""The figures of an analysis for print, each with all of its panels."""

from tools.analyzing.curves_figure import draw_curves
from tools.analyzing.group_figure import group_row, shared_row
from tools.analyzing.histogram_figure import draw_histogram
from tools.analyzing.level_figure import draw_levels
from tools.analyzing.panel_rows import draw_rows
from tools.analyzing.tradeoff_figure import draw_tradeoff


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
        rows = [group_row(routing, group, analysis.ratios) for group in groups]
        drawn[f"figure_4_{routing.task}"] = draw_rows(rows)
    shared = [
        shared_row(model, analysis.ratios, analysis.routings) for model in analysis.shared_groups
    ]
    if shared:
        drawn["figure_4_shared"] = draw_rows(shared)
    if analysis.has_curves:
        drawn["training"] = draw_curves(
            analysis.curves, list(analysis.class_names), analysis.stages
        )
    return drawn
