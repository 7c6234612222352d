"""What a person sees of the benchmark: tables, where elastic networks are slower, and plots."""

from elastic_tf_tools.benchmark_rows import standalone_name
from elastic_tf_tools.timing import aligned_table, paired_ratio

_LEVEL = "elastic_level_"
_MARKERS = "osD^vP*X"
# Distinct in print without colour, and for the colour-blind (Okabe and Ito).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
# Rows that are no level's: what the legend calls them, and the letter beside their markers.
_LETTERS = {
    "elastic_random": ("random levels", "R"),
    "elastic_selected": ("selected levels", "S"),
    "elastic_given": ("the same levels, given", "G"),
    "elastic_second_look": ("second look", "L"),
    "elastic_seen_twice": ("all seen twice", "T"),
    "elastic_training_path_random": ("random levels unfrozen", "N"),
    "masked": ("masked", "M"),
    "selector": ("selector alone", "A"),
    "dense_jit": ("dense, XLA", "X"),
    "dense_frozen": ("dense, frozen", "F"),
}


def format_rows(title, rows):
    """Returns the table of rows that were measured together, str of several lines.

    Columns without anything in them are left out.
    """
    reference = rows[0].name.split("_")[-1]
    figures = [row.figures() for row in rows]
    to_standalone = _ratios_to_standalone(rows)
    columns = {
        "": [row.name for row in rows],
        "median ms": [f"{1e3 * of['seconds_median']:.2f}" for of in figures],
        "p95 ms": [f"{1e3 * of['seconds_p95']:.2f}" for of in figures],
        "calls/s": [f"{1 / of['seconds_median']:.2f}" for of in figures],
        f"to {reference}": [f"{of['ratio_to_dense']:.3f}" for of in figures],
        "MACs": [_number(of["macs_share"], ".3f") for of in figures],
        "overhead": [_number(of["overhead"], "+.3f") for of in figures],
        "to standalone": [_number(to_standalone.get(row.name), ".3f") for row in rows],
    }
    columns = {name: cells for name, cells in columns.items() if any(cells)}
    table = aligned_table(list(columns), list(zip(*columns.values(), strict=True)))
    return f"{title}, {len(rows[0].seconds)} rounds\n{table}"


def where_slower(rows):
    """Returns one sentence that says where elastic rows took longer than the dense model.

    A ratio that is printed as 1.00 is not slower.

    Args:
        rows: list of `Row` of prediction and training, of any batch sizes.

    Returns:
        str; empty if there are no elastic rows.
    """
    elastic = [
        row
        for row in rows
        if row.name.startswith(("elastic_", "train_")) and row.name != "train_dense"
    ]
    if not elastic:
        return ""
    slower = {}
    for row in elastic:
        if round(row.ratio_to_dense, 2) > 1:
            slower.setdefault(_place(row), []).append(_name_and_ratio(row))
    if slower:
        parts = [f"{place}: {', '.join(names)}" for place, names in slower.items()]
        return f"Slower than dense at: {'; '.join(parts)}."
    slowest = max(elastic, key=lambda row: row.ratio_to_dense)
    return (
        "No elastic row was slower than dense; "
        f"the slowest was {_name_and_ratio(slowest)}, {_place(slowest)}."
    )


def draw_plot(rows, title):
    """Returns the `Drawing` of time over MACs, both as shares of the dense model's.

    Each batch size has a marker: filled where the network is elastic, hollow for standalone models.
    Lines join the levels; letters name the other rows.

    Args:
        rows: list of `Row` of prediction, of any batch sizes.
        title: str.
    """
    from elastic_tf.report.style import Drawing  # matplotlib is needed for this alone.

    def draw(axes):
        end = max(1.0, *(row.macs_share for row in rows))
        axes.plot([0, end], [0, end], color="0.5", linestyle="--", label="ideal: time as MACs")
        for index, size in enumerate(sorted({row.batch_size for row in rows})):
            _draw_batch_size(axes, [row for row in rows if row.batch_size == size], index)
        axes.set_xlabel("multiply-accumulates, share of the dense model's")
        axes.set_ylabel("time, ratio to the dense model's")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.grid(color="0.9")
        axes.set_axisbelow(True)

    def add_legend(figure, panels):
        names = {row.name for row in rows}
        letters = [f"{letter} {text}" for name, (text, letter) in _LETTERS.items() if name in names]
        figure.legend(
            *panels[0].get_legend_handles_labels(),
            loc="outside lower center",
            ncols=4,
            title="\n".join(["filled: elastic; hollow: standalone", ", ".join(letters)]),
            fontsize="small",
            title_fontsize="small",
        )

    return Drawing("time over MACs", {title: draw}, 5.4, 6.4, finish=add_legend)


def _draw_batch_size(axes, rows, index):
    style = {
        "marker": _MARKERS[index % len(_MARKERS)],
        "color": _COLOURS[index % len(_COLOURS)],
        "markersize": 5,
        "linewidth": 1,
    }
    label = f"batch size {rows[0].batch_size}"
    levels = [row for row in rows if row.name.startswith(_LEVEL)]
    standalone = [row for row in rows if row.name == "dense" or row.name.startswith("standalone_")]
    others = [row for row in rows if row.name in _LETTERS]
    axes.plot(*_points(levels), **style, label=label)
    axes.plot(*_points(standalone), **style, linestyle=":", markerfacecolor="white")
    axes.plot(*_points(others), **style, linestyle="none")
    for row in others:
        axes.annotate(
            _LETTERS[row.name][1],
            (row.macs_share, row.ratio_to_dense),
            xytext=(4, 3),
            textcoords="offset points",
            fontsize="small",
            color=style["color"],
        )


def _points(rows):
    rows = sorted(rows, key=lambda row: row.macs_share)
    return [row.macs_share for row in rows], [row.ratio_to_dense for row in rows]


def _number(value, form):
    return "" if value is None else format(value, form)


def _ratios_to_standalone(rows):
    """Returns each level's time over that of the standalone model of its widths, a dict."""
    seconds = {row.name: row.seconds for row in rows}
    levels = [name for name in seconds if name.startswith(_LEVEL)]
    standalone = [standalone_name(level, len(levels)) for level in range(len(levels))]
    return {
        name: paired_ratio(seconds[name], seconds[other])
        for name, other in zip(levels, standalone, strict=True)
    }


def _place(row):
    where = "training at " if row.name.startswith("train_") else ""
    return f"{where}batch size {row.batch_size}"


def _name_and_ratio(row):
    name = row.name.split("_", 1)[1].replace("_", " ")
    return f"{name} ({row.ratio_to_dense:.2f}x)"
