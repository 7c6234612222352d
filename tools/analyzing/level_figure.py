"""Figure 3 (b) of the supplement: the mean probability of every level in every block."""

import numpy as np

from tools.analyzing.figure import block_ticks, in_style, new_figure

_MAX_BLOCKS_WITH_NUMBERS = 10


@in_style
def draw_levels(means):
    """Draws a panel for each table of mean probabilities.

    Args:
        means: dict from a panel's title to a float array `(blocks, levels)`.

    Returns:
        `matplotlib` figure.
    """
    figure, panels = new_figure(len(means), height=2.3)
    for axes, (title, of) in zip(panels, means.items(), strict=True):
        image = _draw(axes, title, np.asarray(of))
    figure.colorbar(image, ax=panels, label="mean probability", shrink=0.9)
    return figure


def _draw(axes, title, means):
    blocks, levels = means.shape
    image = axes.imshow(
        means.T, cmap="viridis", vmin=0, vmax=1, origin="lower", aspect="auto", rasterized=True
    )
    ticks = block_ticks(blocks)
    axes.set_xticks(ticks - 1, ticks)
    axes.set_yticks(np.arange(levels))
    axes.set_xlabel("block")
    axes.set_ylabel("level")
    axes.set_title(title, fontsize="medium")
    if blocks <= _MAX_BLOCKS_WITH_NUMBERS:
        for (block, level), mean in np.ndenumerate(means):
            colour = "black" if mean > 0.6 else "white"
            axes.text(
                block, level, f"{mean:.2f}", ha="center", va="center", color=colour, fontsize=8
            )
    return image
