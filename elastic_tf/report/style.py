"""How all figures are drawn and saved."""

import dataclasses
import html
import io
import re
import typing
import warnings

import matplotlib
import matplotlib.backends.backend_agg
import matplotlib.figure
import matplotlib.font_manager
from PIL import Image

from elastic_tf.files import whole_file

# Distinct in print without colour, and for the colour-blind (Okabe and Ito); both can be seen on
# white and on black.
ACCENT, SECOND = "#0072b2", "#d55e00"
QUIET = "#808080"
# Points; less cannot be read in print.
SMALL = 8.5
# What is black on paper takes the colour of the page's text; so it must be nothing's own colour.
_INK = "#010203"
# Fonts of other scripts than the one that comes along has, where they are installed.
_OTHER_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans",
    "WenQuanYi Zen Hei",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Arial Unicode MS",
)


def _installed_fonts():
    installed = {font.name for font in matplotlib.font_manager.fontManager.ttflist}
    return [name for name in _OTHER_FONTS if name in installed]


_STYLE = {
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.titlesize": "medium",
    "xtick.color": _INK,
    "ytick.color": _INK,
    # The page shines through, light or dark.
    "axes.facecolor": "none",
    "legend.frameon": False,
    # Names of classes and folders are no formulas, whatever is in them.
    "text.parse_math": False,
    "font.sans-serif": ["DejaVu Sans", *_installed_fonts()],
}


@dataclasses.dataclass(frozen=True)
class Drawing:
    """Panels that belong together: one figure in print, a figure each in a page.

    Args:
        name: str, what they show, for those who cannot see it.
        panels: dict from a panel's title to a function that draws on given `matplotlib` axes;
            `None` for a place without a panel. At least one.
        height, width: float, of a panel, inches. At its natural size it fills a phone's width, so
            that text is not made smaller there.
        columns: int >= 1. Panels side by side in print.
        finish: function of the figure and the list of its axes, called at the end, as for a legend;
            `None` for nothing.
        title: str, above all panels; `None` for none.
        caption: str, said in a page beside them.
    """

    name: str
    panels: dict
    height: float = 2.7
    width: float = 3.5
    columns: int = 2
    finish: typing.Callable | None = None
    title: str | None = None
    caption: str = ""

    def figure(self):
        """Returns the `matplotlib` figure of all panels."""
        return self._draw(self.panels)

    def save(self, path):
        """Writes a PNG for print, whole or not at all; an `OSError` if it cannot be written."""
        stream = io.BytesIO()
        with warnings.catch_warnings(record=True) as caught:
            self.figure().savefig(stream, format="png", dpi=200, facecolor="white")
        if any("missing from font" in str(warning.message) for warning in caught):
            # In place of a line for every letter.
            warnings.warn(f"{path} has names in a script that no known font here has", stacklevel=2)
        with whole_file(path) as partial:
            # Without the opacity, which is full everywhere.
            Image.open(stream).convert("RGB").save(partial, format="PNG", optimize=True)

    def svgs(self):
        """Returns a list of `<svg>` elements, one for each panel; text has the page's colour."""
        return [
            _inline_svg(self._draw({panel: draw}), f"{self.name}: {panel}")
            for panel, draw in self.panels.items()
            if draw
        ]

    # Decorates all that draws: text takes its colour when it is made.
    @matplotlib.rc_context(_STYLE)
    def _draw(self, panels):
        columns = min(self.columns, len(panels))
        rows = -(-len(panels) // columns)
        figure = matplotlib.figure.Figure(
            figsize=(self.width * columns, self.height * rows), layout="constrained"
        )
        matplotlib.backends.backend_agg.FigureCanvasAgg(figure)  # Without a window.
        for place, (title, draw) in enumerate(panels.items(), 1):
            if draw:
                axes = figure.add_subplot(rows, columns, place, title=title)
                draw(axes)
        if self.title:
            figure.suptitle(self.title)
        if self.finish:
            self.finish(figure, figure.axes)
        return figure


def below_each_other(drawings):
    """Returns the `Drawing` of several, each a row of its own; all have as many places."""
    if len(drawings) == 1:
        return drawings[0]
    panels = {
        f"{drawing.name}: {panel}": draw
        for drawing in drawings
        for panel, draw in drawing.panels.items()
    }
    return dataclasses.replace(drawings[0], panels=panels)


def add_legend(figure, axes, columns=None):
    """Adds one legend below all panels, of what the first of them shows.

    Args:
        figure: `matplotlib` figure.
        axes: list of its axes.
        columns: int >= 1. Names side by side; `None` for as many as there is room for.
    """
    handles, labels = axes[0].get_legend_handles_labels()
    columns = columns or (3 if len(axes) > 1 else 2)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=SMALL)


def _inline_svg(figure, label):
    """Returns a figure as an `<svg>` element that takes the page's colour of text."""
    stream = io.StringIO()
    # Text stays text: it can be searched, and is smaller. Ids must differ between figures.
    with matplotlib.rc_context(_STYLE | {"svg.fonttype": "none", "svg.hashsalt": label}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    # Names of groups, as `axes_1`, are the same in all figures; only what is referred to is salted.
    svg = re.sub(r' id="(?!(?:p|m|C|image)[0-9a-f]{6,})[^"]*"', "", svg)
    # Its size is the page's to say.
    svg = re.sub(r'(<svg[^>]*?) width="[\d.]+pt" height="[\d.]+pt"', r"\1", svg, count=1)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)
