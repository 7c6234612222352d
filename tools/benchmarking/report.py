"""What a person reads on the terminal: tables, and where the elastic network is slower."""

import numpy as np
from elastic_tf_tools.benchmarking.inference_rows import plain_name
from elastic_tf_tools.benchmarking.rows import paired_ratio

_ELASTIC = ("elastic_", "train_")
_LEVEL = "elastic_level_"


def format_inference(rows):
    """Returns the table of one batch size, str of several lines.

    Args:
        rows: list of `Row`, as `inference_rows` returns it.
    """
    ratios = {row.name: _ratio_to_plain(row, rows) for row in rows}
    return _format(
        f"Prediction, batch size {rows[0].batch_size}",
        rows,
        "to plain",
        {name: f"{ratio:.3f}" for name, ratio in ratios.items() if ratio is not None},
    )


def format_training(rows):
    """Returns the table of the training steps, str of several lines."""
    return _format(f"Training step, batch size {rows[0].batch_size}", rows)


def format_input(rows):
    """Returns the table of the input pipeline, str of several lines."""
    speeds = {row.name: f"{1 / np.median(row.seconds):.2f}" for row in rows}
    title = f"Input pipeline, {rows[0].batch_size} images a step, of all tasks"
    return _format(title, rows, "steps/s", speeds)


def where_slower(inference, training):
    """Returns one sentence that says where elastic rows took longer than the dense model.

    A ratio that is printed as 1.00 is not slower.

    Args:
        inference: list of `Row` of any batch sizes; may be empty.
        training: list of `Row`; may be empty.

    Returns:
        str; empty if there are no elastic rows.
    """
    groups = {}
    for row in inference:
        groups.setdefault(f"batch size {row.batch_size}", []).append(row)
    for row in training:
        groups.setdefault(f"training at batch size {row.batch_size}", []).append(row)
    elastic = {place: list(filter(_is_elastic, rows)) for place, rows in groups.items()}
    slower = {
        place: [row for row in rows if round(row.ratio_to_dense, 2) > 1]
        for place, rows in elastic.items()
    }
    if any(slower.values()):
        parts = [
            f"{place}: {', '.join(map(_name_and_ratio, rows))}"
            for place, rows in slower.items()
            if rows
        ]
        return f"Slower than dense at: {'; '.join(parts)}."
    closest = [(row.ratio_to_dense, place, row) for place, rows in elastic.items() for row in rows]
    if not closest:
        return ""
    _, place, row = max(closest, key=lambda entry: entry[0])
    return f"No elastic row was slower than dense; the slowest was {_name_and_ratio(row)}, {place}."


def _format(title, rows, extra_title="", extra=None):
    extra = extra or {}
    header = f"{'median ms':>10} {'p95 ms':>10} {'to dense':>9} {'MACs':>7} {'overhead':>9}"
    if rows[0].macs_share is None:
        header = header.replace("to dense", "to cached")
    return "\n".join(
        [
            f"{title}, {len(rows[0].seconds)} rounds",
            f"  {'':<28} {header} {extra_title:>9}".rstrip(),
            *(_format_row(row.figures(), extra.get(row.name, "")) for row in rows),
        ]
    )


def _format_row(figures, extra):
    share = "" if figures["macs_share"] is None else f"{figures['macs_share']:.3f}"
    overhead = "" if figures["overhead"] is None else f"{figures['overhead']:+.3f}"
    return (
        f"  {figures['name']:<28} {1e3 * figures['seconds_median']:>10.2f} "
        f"{1e3 * figures['seconds_p95']:>10.2f} {figures['ratio_to_dense']:>9.3f} "
        f"{share:>7} {overhead:>9} {extra:>9}"
    ).rstrip()


def _ratio_to_plain(row, rows):
    """Returns the ratio of a level's time to that of the plain model of its widths, or `None`."""
    if not row.name.startswith(_LEVEL):
        return None
    level = int(row.name.removeprefix(_LEVEL))
    num_levels = sum(other.name.startswith(_LEVEL) for other in rows)
    plain = next(other for other in rows if other.name == plain_name(level, num_levels))
    return paired_ratio(row.seconds, plain.seconds)


def _is_elastic(row):
    return row.name.startswith(_ELASTIC) and row.name != "train_dense"


def _name_and_ratio(row):
    name = row.name.split("_", 1)[1].replace("_", " ")
    return f"{name} ({row.ratio_to_dense:.2f}x)"
