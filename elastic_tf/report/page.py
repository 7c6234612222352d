"""The report: one page with everything in it, that needs no network."""

import base64
import io
import os
import pathlib

import jinja2
import numpy as np
from elastic_tf_tools.results_table import format_gain, result_rows
from PIL import Image

from elastic_tf.report.choice_figures import draw_curves, draw_histogram, draw_levels, draw_tradeoff
from elastic_tf.report.group_figures import group_row, shared_row
from elastic_tf.report.routing import model_name, shared_models
from elastic_tf.report.style import draw_panels, draw_rows, inline_svg


def image_sheet(pictures, columns):
    """Puts pictures of one size side by side.

    Args:
        pictures: list of uint8 arrays `(height, width, channels)`, at least one; 1 or 3 channels.
        columns: int >= 1. Pictures in a row; the last may have fewer.

    Returns:
        uint8 array `(rows * height, columns * width, channels)`; what is left over is 0.
    """
    height, width, channels = pictures[0].shape
    rows = -(-len(pictures) // columns)
    sheet = np.zeros((rows * height, columns * width, channels), np.uint8)
    for place, picture in enumerate(pictures):
        row, column = divmod(place, columns)
        top, left = row * height, column * width
        sheet[top : top + height, left : left + width] = picture
    return sheet


def data_uri(image):
    """Returns a uint8 array `(height, width, 1 or 3)` as the address of a PNG within a page."""
    array = image[..., 0] if image.shape[-1] == 1 else image
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


_COLUMNS = 32


def browser_data(routings, per_class, full_macs):
    """Returns the images of the browser, by task.

    Args:
        routings: list of `TaskRouting`.
        per_class: int >= 1. Images of each class, at most.
        full_macs: dict from task to the MACs of its full model for one image.

    Returns:
        Dict from task to a dict of plain Python values: `sheet`, address of one image with all
        pictures; `columns`, `width`, `height`, pictures in its row and their size in pixels;
        `classes`, names; `full_macs`, int; `images`, in the order of the sheet: `index` in the
        split, `label`, `answer`, `confidence`, `model`, `macs`, a share of the full model's.
    """
    return {
        routing.task: _task_data(routing, per_class, full_macs[routing.task])
        for routing in routings
    }


def spread_over_cost(routing, label, count):
    """Returns indices of some images of a class, evenly from the cheapest to the dearest.

    Args:
        routing: `TaskRouting`.
        label: int.
        count: int >= 1. At most so many.
    """
    of_class = np.flatnonzero(routing.routed.labels == label)
    ordered = of_class[np.argsort(routing.routed.macs_share[of_class], kind="stable")]
    places = np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int)
    return [int(index) for index in ordered[places]]


def _task_data(routing, per_class, full_macs):
    routed = routing.routed
    indices = [
        index
        for label in range(len(routing.class_names))
        for index in spread_over_cost(routing, label, per_class)
    ]
    pictures = routing.pictures(indices)
    height, width, _ = pictures[0].shape
    return {
        "sheet": data_uri(image_sheet(pictures, _COLUMNS)),
        "columns": _COLUMNS,
        "width": width,
        "height": height,
        "classes": routing.class_names,
        "full_macs": int(full_macs),
        "images": [
            {
                "index": i,
                "label": int(routed.labels[i]),
                "answer": int(routed.classes[i]),
                "confidence": round(float(routed.confidence[i]), 4),
                "model": model_name(routed.levels[i]),
                "macs": round(float(routed.macs_share[i]), 4),
            }
            for i in indices
        ],
    }


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
                    ("the best fixed model", "gain_over_best_fixed"),
                )
                if key in figures
            ],
        }
        for task, figures in results.items()
    ]


def group_line(group, class_names):
    """Returns which classes are on a model more than by chance, str.

    Args:
        group: `ModelGroup`.
        class_names: list of str, of its task.
    """
    typical = [
        f"{class_names[each['label']]}: {100 * each['group_share']:.0f} % of its images, "
        f"{each['lift']:.1f} times the task's share"
        for each in group.typical_classes()
    ]
    images = "; ".join(typical) or "no class more than the others"
    return f"Model {model_name(group.levels)}. {images}."


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


_TEMPLATE = pathlib.Path(__file__).with_name("report.html.j2")


def write_report(path, **content):
    """Writes the page, whole or not at all.

    Args:
        path: str or path.
        **content: what the template names. Text is escaped; `svg` is taken as it is.

    Raises:
        jinja2.UndefinedError: if anything that the template names is missing.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    page = environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(**content)
    partial = pathlib.Path(f"{path}.partial")
    partial.write_text(page, encoding="utf-8")
    os.replace(partial, path)
