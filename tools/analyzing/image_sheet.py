"""Many small pictures as one image file, to be shown piece by piece."""

import base64
import io

import numpy as np
from PIL import Image


def image_sheet(pictures, columns):
    """Puts pictures of one size side by side.

    Args:
        pictures: list of uint8 arrays `(height, width, channels)`, at least one; 1 or 3 channels.
        columns: int >= 1. Pictures in a row; the last may have fewer.

    Returns:
        uint8 array `(rows * height, columns * width, channels)`; what is left over is 0.
    """
    height, width, channels = pictures[0].shape
    rows = -(-len(pictures) // columns)
    sheet = np.zeros((rows * height, columns * width, channels), np.uint8)
    for place, picture in enumerate(pictures):
        row, column = divmod(place, columns)
        top, left = row * height, column * width
        sheet[top : top + height, left : left + width] = picture
    return sheet


def data_uri(image):
    """Returns a uint8 array `(height, width, 1 or 3)` as the address of a PNG within a page."""
    array = image[..., 0] if image.shape[-1] == 1 else image
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
