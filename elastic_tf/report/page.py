"""The report: figures and numbers as files, and one page with everything in it, without network."""

import base64
import io
import pathlib

import jinja2
import numpy as np
from PIL import Image

from elastic_tf.files import output_folder, write_text
from elastic_tf.report.analysis_csv import write_analysis_csv
from elastic_tf.report.choice_figures import draw_histogram, draw_levels, draw_training
from elastic_tf.report.confusion_figures import draw_confusions
from elastic_tf.report.group_figures import draw_group, draw_shared_group, picture_grid
from elastic_tf.report.macs_figures import draw_tradeoff
from elastic_tf.report.style import below_each_other
from elastic_tf.report.tables import model_name, result_gains, result_rows, top5_texts
from elastic_tf.report.time_figures import draw_times
from elastic_tf.version import __version__

_TEMPLATE = pathlib.Path(__file__).with_name("report.html.j2")
_SHARED_ROWS = 5  # In the page's table; the CSV file has all.
_SHEET_COLUMNS = 32


def write_report(analysis, folder, settings=None, browser_images=12):
    """Writes the report: report.html, figures as PNG for print, and their numbers as CSV.

    The page needs no network, on screens from 320 pixels on, light and dark: results, figures, and
    a browser of images with each one's model, cost and answer.

    Args:
        analysis: `Analysis`, of `analyse`.
        folder: str or path; made if need be. What else is there stays.
        settings: dict from the name of a setting of the training to its value as text; `None` for
            none.
        browser_images: int >= 1. Images of each class in the browser, at most.

    Returns:
        List of `pathlib.Path`, the files written.

    Raises:
        ValueError: if the folder cannot be made or written to.
    """
    folder = output_folder(folder, "folder")
    figures = draw_figures(analysis)
    paths = [folder / "report.html"]
    write_text(paths[0], render_page(analysis, figures, settings, browser_images))
    for name, drawings in figures.items():
        paths.append(folder / f"{name}.png")
        below_each_other(drawings).save(paths[-1])
    return paths + write_analysis_csv(folder, analysis)


def draw_figures(analysis):
    """Draws every figure of an analysis.

    Args:
        analysis: `Analysis`.

    Returns:
        Dict from the name of a figure's file, without ending, to its list of `Drawing`, which
        belong below each other.
    """
    ratios, routings = analysis.ratios, analysis.routings
    figures = {
        "tradeoff": [draw_tradeoff(analysis.results, analysis.budget_curves)],
        "figure_3a_models": [draw_histogram(analysis.distributions)],
        "figure_3b_levels": [draw_levels(analysis.level_means)],
    }
    if analysis.comparisons:
        figures["time"] = [draw_times(analysis.comparisons)]
    for routing in routings:
        groups = analysis.groups[routing.task]
        figures[f"figure_4_{routing.task}"] = [draw_group(routing, of, ratios) for of in groups]
    for routing in routings:
        if routing.seen_groups:
            figures[f"second_look_{routing.task}"] = [
                draw_group(routing, group, ratios, title)
                for title, group in routing.seen_groups.items()
            ]
    if analysis.shared_groups:
        shared = [draw_shared_group(model, ratios, routings) for model in analysis.shared_groups]
        figures["figure_4_shared"] = shared
    for routing in routings:
        figures[f"confusion_{routing.task}"] = [draw_confusions(routing)]
    if analysis.stages and any(analysis.curves.values()):
        tasks = list(analysis.class_names)
        figures["training"] = [draw_training(analysis.curves, tasks, analysis.stages)]
    return figures


def render_page(analysis, figures, settings=None, browser_images=12):
    """Returns the page, str; text is escaped, drawings are taken as they are.

    Args:
        analysis, settings, browser_images: see `write_report`.
        figures: dict, of `draw_figures`.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["model_name"] = model_name
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        analysis=analysis,
        tasks=list(analysis.class_names),
        figures=figures,
        result_rows=result_rows,
        result_gains=result_gains,
        top5_texts=top5_texts,
        shared=list(analysis.shared_models.items())[:_SHARED_ROWS],
        browser=browser_data(analysis, browser_images),
        settings=sorted((settings or {}).items()),
        version=__version__,
    )


def browser_data(analysis, per_class):
    """Returns the images of the browser, by task.

    Args:
        analysis: `Analysis`.
        per_class: int >= 1. Images of each class, at most.

    Returns:
        Dict from task to a dict of plain Python values: `sheet`, address of one image with all
        pictures; `columns`, `width`, `height`, pictures in its row and their size in pixels;
        `classes`, names; `full_macs`, int; `images`, in the order of the sheet: `index` in the
        split, `label`, `answer`, `confidence`, `model`, `macs`, a share of the full model's.
    """
    return {
        routing.task: _task_data(routing, per_class, analysis.results[routing.task]["full_macs"])
        for routing in analysis.routings
    }


def _task_data(routing, per_class, full_macs):
    routed = routing.routed
    indices = [
        index
        for label in range(len(routing.class_names))
        for index in _spread_over_cost(routing, label, per_class)
    ]
    pictures = [Image.fromarray(np.squeeze(each)) for each in routing.pictures(indices)]
    width, height = pictures[0].size
    return {
        "sheet": _data_uri(picture_grid(pictures, _SHEET_COLUMNS, mode=pictures[0].mode)),
        "columns": _SHEET_COLUMNS,
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


def _spread_over_cost(routing, label, count):
    """Returns indices of some images of a class, evenly from the cheapest to the dearest."""
    of_class = np.flatnonzero(routing.routed.labels == label)
    ordered = of_class[np.argsort(routing.routed.macs_share[of_class], kind="stable")]
    places = np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int)
    return [int(index) for index in ordered[places]]


def _data_uri(image):
    """Returns a `PIL.Image.Image` as the address of a PNG within a page."""
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
