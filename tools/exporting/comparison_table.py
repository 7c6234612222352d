"""The table of exports, in Markdown."""

_MODEL = "| model | format | MB | accuracy % | MACs % |"


def format_comparison(rows, batch_sizes):
    """Returns the table, str of several lines.

    Args:
        rows: list of dicts of `model`, `format`, `quantization`, `megabytes` (`None` for the model
            under Python), `accuracy`, `macs_share` and `time_ratios`, a dict from batch size.
        batch_sizes: sequence of int.
    """
    lines = [_MODEL + "".join(f" time, batch {size} |" for size in batch_sizes)]
    lines.append("| --- | --- |" + " ---: |" * (3 + len(batch_sizes)))
    return "\n".join(lines + [_line(row, batch_sizes) for row in rows])


def _line(row, batch_sizes):
    quantization = row["quantization"]
    written = row["format"] + (f", {quantization}" if quantization != "none" else "")
    size = "" if row["megabytes"] is None else f"{row['megabytes']:.2f}"
    cells = [row["model"], written, size]
    cells += [f"{100 * row[name]:.1f}" for name in ("accuracy", "macs_share")]
    cells += [f"{row['time_ratios'][size]:.2f}" for size in batch_sizes]
    return f"| {' | '.join(cells)} |"
