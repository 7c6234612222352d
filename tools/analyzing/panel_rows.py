"""Rows of panels that belong together: one figure for print, or a figure for each panel."""

from tools.analyzing.figure import bare_figure, in_style

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
