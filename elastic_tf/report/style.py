"""How all figures are drawn and saved."""

import io
import os
import re

import matplotlib
import matplotlib.backends.backend_agg
import matplotlib.figure
import numpy as np
from PIL import Image

# Distinct in print without colour, and for the colour-blind (Okabe and Ito); both can be seen on
# white and on black.
ACCENT, SECOND = "#0072b2", "#d55e00"
QUIET = "#808080"
# What is black on paper takes the colour of the page's text; so it must be nothing's own colour.
_INK = "#010203"
_COLUMNS = 2
STYLE = {
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    # The page shines through, light or dark.
    "axes.facecolor": "none",
    "legend.frameon": False,
}
# Decorates all that draws: text takes its colour when it is made.
in_style = matplotlib.rc_context(STYLE)
# Inches. At its natural size it fills a phone's width, so that text is not made smaller there.
PANEL_WIDTH = 3.5
# Points; less cannot be read in print.
SMALL = 8.5
_MAX_TICKS = 10


@in_style
def new_figure(panels, height, width=PANEL_WIDTH, columns=_COLUMNS):
    """Returns a `matplotlib` figure and its panels, a list of axes.

    Args:
        panels: int >= 1.
        height, width: float, of a panel, inches.
        columns: int >= 1. Panels side by side.
    """
    columns = min(columns, panels)
    rows = -(-panels // columns)
    figure = bare_figure(width * columns, height * rows)
    found = list(figure.subplots(rows, columns, squeeze=False).flatten())
    for axes in found[panels:]:
        axes.remove()
    return figure, found[:panels]


@in_style
def add_legend(figure, panels, columns=None):
    """Adds one legend below all panels, of what the first of them shows.

    Args:
        figure, panels: of `new_figure`.
        columns: int >= 1. Names side by side; `None` for as many as there is room for.
    """
    handles, labels = panels[0].get_legend_handles_labels()
    columns = columns or (3 if len(panels) > 1 else 2)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=SMALL)


def block_ticks(blocks):
    """Returns the numbers of the blocks, from 1, that an axis has room to name; int array."""
    return np.arange(1, blocks + 1, 2 if blocks > _MAX_TICKS else 1)


def bare_figure(width, height):
    """Returns a figure without panels; width and height in inches."""
    figure = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
    matplotlib.backends.backend_agg.FigureCanvasAgg(figure)  # Without a window.
    return figure


def save_png(figure, path):
    """Writes a PNG for print, whole or not at all; an `OSError` if it cannot be written."""
    partial = f"{path}.partial"
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=200, facecolor="white")
    # Without the opacity, which is full everywhere.
    Image.open(stream).convert("RGB").save(partial, format="PNG", optimize=True)
    os.replace(partial, path)


def inline_svg(figure, label):
    """Returns the figure as an `<svg>` element that takes the page's colour of text.

    Args:
        figure: `matplotlib` figure.
        label: str, what it shows, for those who cannot see it.
    """
    stream = io.StringIO()
    # Text stays text: it can be searched, and is smaller. Ids must differ between figures.
    with matplotlib.rc_context(STYLE | {"svg.fonttype": "none", "svg.hashsalt": label}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    # Names of groups, as `axes_1`, are the same in all figures; only what is referred to is salted.
    svg = re.sub(r' id="(?!(?:p|m|C|image)[0-9a-f]{6,})[^"]*"', "", svg)
    # Its size is the page's to say.
    svg = re.sub(r'(<svg[^>]*?) width="[\d.]+pt" height="[\d.]+pt"', r"\1", svg, count=1)
    return svg.replace("<svg", f'<svg role="img" aria-label="{_escaped(label)}"', 1)


def _escaped(text):
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


# Inches: three side by side are as wide as a laptop's page, and one is no wider than a phone.
WIDTH, HEIGHT = 3.3, 2.5


@in_style
def draw_rows(rows):
    """Draws rows below each other.

    Args:
        rows: list of rows, at least one; a row is a list of functions that draw on given
            `matplotlib` axes, with `None` where it has no panel. All are of one length.

    Returns:
        `matplotlib` figure.
    """
    columns = len(rows[0])
    figure = bare_figure(WIDTH * columns, HEIGHT * len(rows))
    panels = figure.subplots(len(rows), columns, squeeze=False)
    for row, of_row in zip(rows, panels, strict=True):
        for draw, axes in zip(row, of_row, strict=True):
            if draw:
                draw(axes)
            else:
                axes.remove()
    return figure


def draw_panels(row):
    """Draws the panels of a row, see `draw_rows`, a `matplotlib` figure each; returns a list."""
    return [draw_rows([[draw]]) for draw in row if draw]
