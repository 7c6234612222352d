"""Which classes are taken for which others."""

import functools

import matplotlib.colors
import numpy as np

from elastic_tf.report.style import Drawing

_MODELS = {"selector": "selector's choice", "full": "full model"}
_MAX_NAMED, _MAX_NUMBERED = 16, 10  # Classes: more names, or numbers in cells, cannot be read.
_MAX_LETTERS = 14
# Not in proportion: what a person looks for is the few per cent beside the diagonal.
_SHADES = matplotlib.colors.PowerNorm(0.5, vmin=0, vmax=100)


def draw_confusions(routing):
    """Draws the answers to each class, a panel for the choice and one for the full model.

    Args:
        routing: `TaskRouting`.

    Returns:
        `Drawing`.
    """
    panels = {
        title: functools.partial(_draw, counts=routing.confusions[model], names=routing.class_names)
        for model, title in _MODELS.items()
    }
    are_numbered = len(routing.class_names) <= _MAX_NUMBERED
    name = f"answers to each class, {routing.task}"
    return Drawing(name, panels, height=3.5, finish=None if are_numbered else _add_colour_bar)


def _add_colour_bar(figure, axes):
    figure.colorbar(axes[0].images[0], ax=axes, label="images of the class, %", shrink=0.8)


def _draw(axes, counts, names):
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="viridis", norm=_SHADES, rasterized=True)
    axes.set_xlabel("answer")
    axes.set_ylabel("class")
    if len(names) <= _MAX_NAMED:
        short = [n if len(n) <= _MAX_LETTERS else f"{n[: _MAX_LETTERS - 1]}…" for n in names]
        axes.set_xticks(range(len(names)), short, rotation=90, fontsize=8)
        axes.set_yticks(range(len(names)), short, fontsize=8)
    if len(names) <= _MAX_NUMBERED:
        for (label, answer), share in np.ndenumerate(shares):
            if counts[label, answer]:
                colour = "black" if share > 40 else "white"
                text = f"{share:.0f}" if share >= 0.5 else "·"
                axes.text(answer, label, text, ha="center", va="center", color=colour, fontsize=8)
