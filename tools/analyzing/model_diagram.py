"""A model, drawn: which channel groups of each block run."""

import matplotlib.patches

from tools.analyzing.figure import ACCENT, QUIET, SMALL, block_ticks, in_style


@in_style
def draw_model(axes, levels, ratios, title):
    """Draws every channel group of every block; those that the model uses are filled.

    Args:
        axes: `matplotlib` axes.
        levels: sequence of int, one per block.
        ratios: float array `(blocks, levels)`, the share of a block's hidden channels that each
            level uses.
        title: str.
    """
    blocks, num_levels = ratios.shape
    for block in range(blocks):
        bottom = 0.0
        for level in range(num_levels):
            top = ratios[block, level]
            if top > bottom:
                axes.add_patch(
                    matplotlib.patches.Rectangle(
                        (block + 0.6, bottom),
                        0.8,
                        top - bottom,
                        facecolor=ACCENT if level <= levels[block] else "none",
                        edgecolor=QUIET,
                        linewidth=0.8,
                    )
                )
            bottom = top
    axes.set_xlim(0.4, blocks + 0.6)
    axes.set_ylim(0, 1)
    axes.set_xticks(block_ticks(blocks))
    axes.set_yticks((0, 0.5, 1), ("0", "50", "100"))
    axes.set_xlabel("block")
    axes.set_ylabel("channels, %")
    axes.set_title(title, fontsize=SMALL)
