"""The report's sections with figures: a drawing for each panel, so that narrow pages stack them."""

from tools.analyzing.curves_figure import draw_curves
from tools.analyzing.figure import inline_svg
from tools.analyzing.group_figure import group_row, shared_row
from tools.analyzing.histogram_figure import draw_histogram
from tools.analyzing.level_figure import draw_levels
from tools.analyzing.model_name import model_name
from tools.analyzing.panel_rows import draw_panels
from tools.analyzing.report_content import group_line
from tools.analyzing.tradeoff_figure import draw_tradeoff

# How figure 4 takes its images; docs/figures.md says it too.
_SAMPLE = (
    "of every class as many as its share among all images on the model, drawn at random within the "
    "class, the most frequent class first"
)


def figure_sections(analysis):
    """Returns the sections, a list of dicts as the template takes them.

    Args:
        analysis: `Analysis`.
    """
    sections = [_tradeoff(analysis), _models(analysis), _levels(analysis), _groups(analysis)]
    if analysis.shared_groups:
        sections.append(_shared(analysis))
    if analysis.has_curves:
        sections.insert(1, _training(analysis))
    return sections


def _tradeoff(analysis):
    curves = analysis.budget_curves or {}
    panels = {
        f"accuracy against MACs, {task}": draw_tradeoff({task: figures}, curves)
        for task, figures in analysis.results.items()
    }
    text = "What each way to choose costs, and how often it is right."
    return _section("tradeoff", "Trade-off", "Accuracy against MACs", text, [_part(panels)])


def _training(analysis):
    panels = {
        f"accuracy and cost over the training, {task}": draw_curves(
            analysis.curves, [task], analysis.stages
        )
        for task in analysis.class_names
    }
    text = (
        "On validation images. Strong shade: the selector trains; faint shade: the estimator, on "
        "the selector's models; no shade: the initial stage, the estimator alone."
    )
    return _section("training", "Training", "Training, by stage", text, [_part(panels)])


def _models(analysis):
    panels = {
        f"histogram of the models chosen, {name}": draw_histogram({name: chosen})
        for name, chosen in analysis.distributions.items()
    }
    text = (
        "Figure 3 (a) of the supplement: every model that is chosen for an image of the split, "
        "most used first. Dotted: all of them alike."
    )
    return _section("models", "Models", "Which models are chosen", text, [_part(panels)])


def _levels(analysis):
    panels = {
        f"mean probability of each level in each block, {name}": draw_levels({name: means})
        for name, means in analysis.level_means.items()
    }
    text = (
        "Figure 3 (b) of the supplement: the mean over images of the selector's probability of "
        "each level. Level 0 is the narrowest."
    )
    return _section("levels", "Levels", "How wide each block runs", text, [_part(panels)])


def _groups(analysis):
    parts = []
    for routing in analysis.routings:
        for place, group in enumerate(analysis.groups[routing.task]):
            label = f"model {model_name(group.levels)}, {routing.task}"
            row = draw_panels(group_row(routing, group, analysis.ratios))
            names = ("channels that run", "images", "classes")
            panels = {f"{name}, {label}": each for name, each in zip(names, row, strict=True)}
            title = "" if place else routing.task
            parts.append(_part(panels, title, [group_line(group, routing.class_names)], "row"))
    text = (
        "Figure 4 of the supplement: for each task its most used models. Filled: the channels that "
        f"run. Beside them images on the model, {_SAMPLE}; and the classes of all of its images."
    )
    return _section("groups", "Groups", "Who is on the most used models", text, parts)


def _shared(analysis):
    parts = []
    for model in analysis.shared_groups:
        row = draw_panels(shared_row(model, analysis.ratios, analysis.routings))
        name = f"shared model {model_name(next(iter(model.values())).levels)}"
        of = ["channels that run", *(r.task for r in analysis.routings if r.task in model)]
        panels = {f"{each}, {name}": figure for each, figure in zip(of, row, strict=True)}
        parts.append(_part(panels, layout="row"))
    text = (
        "Figure 4 of the supplement, between tasks: the models that several tasks use most, with "
        "the share of each task's images that is on them, and some of these images, taken as above."
    )
    return _section("shared", "Shared", "Who is on the models that tasks share", text, parts)


def _section(name, short, title, text, parts):
    return {"id": name, "short": short, "title": title, "text": text, "parts": parts}


def _part(panels, title="", lines=(), layout="panels"):
    """Returns a part; `panels` is a dict from what a figure shows to the figure."""
    svgs = [inline_svg(figure, label) for label, figure in panels.items()]
    return {"title": title, "lines": lines, "svgs": svgs, "layout": layout}
