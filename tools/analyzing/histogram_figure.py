"""Figure 3 (a) of the supplement: how often each model is chosen, most used first."""

import matplotlib.ticker
import numpy as np

from tools.analyzing.figure import ACCENT, QUIET, SMALL, in_style, new_figure
from tools.analyzing.model_name import model_name

_NAMED = 3
_ROOM_FOR_TEXT = 1.6


@in_style
def draw_histogram(distributions):
    """Draws a panel for each distribution of models.

    Args:
        distributions: dict from a panel's title to its `ChosenModels`.

    Returns:
        `matplotlib` figure.
    """
    figure, panels = new_figure(len(distributions), height=2.7)
    for axes, (title, chosen) in zip(panels, distributions.items(), strict=True):
        _draw(axes, title, chosen)
    return figure


def _draw(axes, title, chosen):
    shares = 100 * chosen.shares
    ranks = np.arange(1, len(shares) + 1)
    # One filled outline: hundreds of single bars would be as many shapes in the page.
    axes.stairs(shares, np.arange(len(shares) + 1) + 0.5, fill=True, color=ACCENT)
    axes.axhline(100 / len(shares), color=QUIET, linestyle=":", linewidth=1)
    axes.set_xlim(0.5, max(len(shares), 10) + 0.5)
    axes.set_ylim(0, _ROOM_FOR_TEXT * shares[0])
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    axes.set_xlabel("model, most used first")
    axes.set_ylabel("images, %")
    axes.set_title(title, fontsize="medium")
    named = "\n".join(
        f"{rank}: {model_name(levels)}, {share:.1f} %"
        for rank, levels, share in list(zip(ranks, chosen.models, shares, strict=True))[:_NAMED]
    )
    noun = "model" if len(shares) == 1 else "models"
    text = f"{len(shares)} {noun} for {chosen.counts.sum():,} images\n{named}"
    axes.text(0.98, 0.96, text, transform=axes.transAxes, ha="right", va="top", fontsize=SMALL)
