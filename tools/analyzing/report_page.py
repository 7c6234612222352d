"""The report: one page with everything in it, that needs no network."""

import os
import pathlib

import jinja2

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
