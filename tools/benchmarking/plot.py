"""The plot: time against multiply-accumulates, both as shares of the dense model's."""

import os

import matplotlib.backends.backend_agg
import matplotlib.figure

_MARKERS = "osD^vP*X"
# Distinct in print without colour, and for the colour-blind (Okabe and Ito).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
# Rows that are no level's: what the legend calls them, and the letter beside their markers.
_LETTERS = {
    "elastic_random": ("random levels", "R"),
    "elastic_selected": ("selected levels", "S"),
    "elastic_training_path_random": ("random levels unfrozen", "N"),
    "masked": ("masked", "M"),
    "selector": ("selector alone", "A"),
    "dense_jit": ("dense, XLA", "X"),
    "dense_frozen": ("dense, frozen", "F"),
}


def write_plot(path, rows, title):
    """Writes a PNG of `ratio_to_dense` over `macs_share`, whole or not at all.

    Args:
        path: str or path of the file.
        rows: list of `Row` of prediction, of any batch sizes.
        title: str.

    Raises:
        OSError: if the file cannot be written.
    """
    figure = draw_plot(rows, title)
    partial = f"{path}.partial"
    figure.savefig(partial, format="png", dpi=200)
    os.replace(partial, path)


def draw_plot(rows, title):
    """Returns the `matplotlib` figure; args as of `write_plot`.

    Each batch size has a marker: filled where the network is elastic, hollow for plain models.
    Lines join the levels; letters name the other rows.
    """
    figure = matplotlib.figure.Figure(figsize=(6.4, 5.4), layout="constrained")
    matplotlib.backends.backend_agg.FigureCanvasAgg(figure)  # Without a window.
    axes = figure.add_subplot()
    end = max(1.0, *(row.macs_share for row in rows))
    axes.plot([0, end], [0, end], color="0.5", linestyle="--", label="ideal: time as MACs")
    for index, size in enumerate(sorted({row.batch_size for row in rows})):
        _draw_batch_size(axes, [row for row in rows if row.batch_size == size], index)
    axes.set_xlabel("multiply-accumulates, share of the dense model's")
    axes.set_ylabel("time, ratio to the dense model's")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_title(title)
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    shown = {row.name for row in rows}
    letters = [f"{letter} {text}" for name, (text, letter) in _LETTERS.items() if name in shown]
    figure.legend(
        loc="outside lower center",
        ncols=4,
        title="\n".join(["filled: elastic; hollow: plain", ", ".join(letters)]),
        fontsize="small",
        title_fontsize="small",
    )
    return figure


def _draw_batch_size(axes, rows, index):
    colour = _COLOURS[index % len(_COLOURS)]
    style = {"marker": _MARKERS[index % len(_MARKERS)], "color": colour, "markersize": 5}
    levels = [row for row in rows if row.name.startswith("elastic_level_")]
    plain = [row for row in rows if row.name == "dense" or row.name.startswith("plain_level_")]
    others = [row for row in rows if row.name in _LETTERS]
    label = f"batch size {rows[0].batch_size}"
    axes.plot(*_points(levels), **style, linestyle="-", linewidth=1, label=label)
    axes.plot(*_points(plain), **style, linestyle=":", linewidth=1, markerfacecolor="white")
    axes.plot(*_points(others), **style, linestyle="none")
    for row in others:
        axes.annotate(
            _LETTERS[row.name][1],
            (row.macs_share, row.ratio_to_dense),
            xytext=(4, 3),
            textcoords="offset points",
            fontsize="small",
            color=colour,
        )


def _points(rows):
    rows = sorted(rows, key=lambda row: row.macs_share)
    return [row.macs_share for row in rows], [row.ratio_to_dense for row in rows]
