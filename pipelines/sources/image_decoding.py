"""Image files of any kind, size and mode as uint8 arrays of one shape."""

import numpy as np
from PIL import Image, ImageOps

FITS = ("crop", "stretch")

# Formats that Pillow only names, or hands to a program that may not be installed.
_UNREADABLE = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
Image.init()
_FORMATS = tuple(sorted(set(Image.OPEN) - _UNREADABLE))
IMAGE_SUFFIXES = frozenset(
    suffix for suffix, name in Image.registered_extensions().items() if name in _FORMATS
)

# White, the paper that logos, icons and drawings with a transparent ground are made for.
_BACKGROUND = (255, 255, 255, 255)
# How many times larger than needed a JPEG is decoded at least; Pillow's own thumbnails use 2.
_DRAFT_GAP = 2


def decode_image(path, image_size, channels, fit):
    """Reads an image file.

    It is turned as its EXIF orientation says; of an animation, the first frame counts. See
    `standard_image` for its pixels.

    Args:
        path: str or path.
        image_size: see `standard_image`.
        channels: see `standard_image`.
        fit: see `standard_image`.

    Returns:
        uint8 array `(image_size, image_size, channels)`.

    Raises:
        Exception: whatever Pillow raises for a file that is no image, is cut off, has pixels
            without a known white, or is so large that it is taken for a decompression bomb.
    """
    with Image.open(path, formats=_FORMATS) as image:
        image.draft(None, (_DRAFT_GAP * image_size, _DRAFT_GAP * image_size))
        return standard_image(ImageOps.exif_transpose(image), image_size, channels, fit)


def standard_image(image, image_size, channels, fit):
    """Returns an image in a wanted size and number of channels.

    Transparent pixels show white. Pixels of 16 bits become 8 bits by division by 257, rounded.

    Args:
        image: `PIL.Image.Image` of any mode with a known white, which floats have not.
        image_size: int >= 1. Height and width, in pixels.
        channels: 1 (luma, by ITU-R 601) or 3 (red, green, blue).
        fit: `"crop"` to scale the short side to `image_size` and cut out the centre, or
            `"stretch"` to scale both sides to it.

    Returns:
        uint8 array `(image_size, image_size, channels)`.

    Raises:
        ValueError: if the pixels have no known white.
    """
    mode = "L" if channels == 1 else "RGB"
    # Before scaling, which would mix the colours of transparent pixels into their neighbours.
    image = _without_transparency(_with_8_bits(image)).convert(mode)
    size = (image_size, image_size)
    if fit == "crop":
        image = ImageOps.fit(image, size, Image.Resampling.LANCZOS)
    else:
        image = image.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(image_size, image_size, channels)


def _with_8_bits(image):
    if not image.mode.startswith(("I", "F")):
        return image
    pixels = np.asarray(image)
    # Pillow gives 16-bit PGM files as 32-bit integers.
    if image.mode == "F" or pixels.min() < 0 or pixels.max() > 65535:
        raise ValueError(f"pixels of mode {image.mode} must be integers of 16 bits")
    return Image.fromarray(np.rint(pixels / 257).astype(np.uint8))


def _without_transparency(image):
    if image.mode in ("P", "PA") or image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, _BACKGROUND), image)
    return image
