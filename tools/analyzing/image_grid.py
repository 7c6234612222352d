"""Some images of a group, side by side."""

import numpy as np

from tools.analyzing.example_images import example_images
from tools.analyzing.figure import SMALL, in_style

ROWS, COLUMNS = 4, 6
_GAP = 0.1  # Between images, as a share of one.
_MAX_SIDE = 64  # Pixels: more cannot be seen at this size, and would fill the page.


@in_style
def draw_images(axes, routing, group, title):
    """Draws up to `ROWS * COLUMNS` of a group's images, as `example_images` takes them.

    Args:
        axes: `matplotlib` axes.
        routing: `TaskRouting`.
        group: `ModelGroup` of it.
        title: str.
    """
    shown = example_images(routing.routed.labels, group.images, ROWS * COLUMNS)
    # In a page the pixels themselves are kept, to be enlarged there.
    pictures = [shrunk(picture) for picture in routing.pictures(shown)]
    axes.imshow(grid_pixels(pictures), interpolation="none")
    axes.set_axis_off()
    axes.set_title(title, fontsize=SMALL)


def grid_pixels(pictures):
    """Puts pictures of one size into a grid whose gaps, and empty places, are transparent.

    Args:
        pictures: list of uint8 arrays `(height, width, channels)`, 1 to `ROWS * COLUMNS`; 1 or 3
            channels.

    Returns:
        uint8 array `(rows, columns, 4)` of pixels, red, green, blue and opacity.
    """
    height, width, _ = pictures[0].shape
    gap = max(1, round(_GAP * max(height, width)))
    down, right = height + gap, width + gap
    pixels = np.zeros((ROWS * down - gap, COLUMNS * right - gap, 4), np.uint8)
    for place, picture in enumerate(pictures):
        top, left = place // COLUMNS * down, place % COLUMNS * right
        at = pixels[top : top + height, left : left + width]
        at[..., :3], at[..., 3] = picture, 255
    return pixels


def shrunk(picture):
    """Returns a picture of at most 64 pixels a side: the means of squares, or itself.

    Args:
        picture: uint8 array `(height, width, channels)`.
    """
    height, width, channels = picture.shape
    factor = -(-max(height, width) // _MAX_SIDE)
    if factor == 1:
        return picture
    height, width = height // factor, width // factor
    squares = picture[: height * factor, : width * factor].reshape(
        height, factor, width, factor, channels
    )
    return squares.mean(axis=(1, 3)).round().astype(np.uint8)
