"""Image files of any kind, size and mode as uint8 arrays of one shape."""

import concurrent.futures
import functools
import math
import os

import numpy as np
import PIL
from PIL import Image, ImageOps

from pipelines.task_spec import height_and_width

FITS = ("crop", "stretch")
# Images are decoded to find out whether they can be. So many bytes of them are kept until they are
# read, so that small data sets are decoded once; what exceeds them is decoded again then.
KEPT_BYTES = 2**28

# Formats that Pillow only names, or hands to a program that may not be installed.
_UNREADABLE = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
# White, the paper that logos, icons and drawings with a transparent ground are made for.
_BACKGROUND = (255, 255, 255, 255)
# How many times larger than needed a JPEG is decoded at least; Pillow's own thumbnails use 2.
_DRAFT_GAP = 2
_CHUNK = 1024
# The EXIF tag, and its values by which an image lies on its side.
_ORIENTATION = 0x0112
_ON_ITS_SIDE = range(5, 9)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# The highest number of 12 bits, which files of 16 bits may have in place of 65535.
_FEWER_BITS = 4095
_TOO_DARK = (
    "pixels of 16 bits end at {}, as those of 8, 10 or 12 bits do; scaled to 65535 they can be read"
)


@functools.cache
def _formats():
    Image.init()
    return tuple(sorted(set(Image.OPEN) - _UNREADABLE))


@functools.cache
def image_suffixes():
    """Returns the suffixes of files that can be read, a frozenset of str such as `".png"`."""
    registered = Image.registered_extensions()
    return frozenset(suffix for suffix, name in registered.items() if name in _formats())


@functools.cache
def reader_threads():
    """Returns the threads that decode image files; Pillow lets them run side by side."""
    return concurrent.futures.ThreadPoolExecutor(os.cpu_count())


def decode_image(file, image_size, channels, fit, crop_box=None):
    """Reads an image file.

    It is turned as its EXIF orientation says; of an animation, the first frame counts. See
    `standard_image` for its pixels.

    Args:
        file: str, path or binary file.
        image_size, channels, fit: see `standard_image`.
        crop_box: function from height and width of the turned image, in pixels, to the part of it
            to take, four numbers in [0, 1]: top, left, bottom and right. `None` for what `fit`
            says.

    Returns:
        uint8 array `(height, width, channels)`.

    Raises:
        Exception: whatever Pillow raises for a file that is no image, is cut off, has pixels
            without a known white, or is so large that it is taken for a decompression bomb.
    """
    with Image.open(file, formats=_formats()) as image:
        box, side = None, _DRAFT_GAP * max(height_and_width(image_size))
        if crop_box is not None:
            width, height = image.size
            if _orientation(image) in _ON_ITS_SIDE:
                width, height = height, width
            box = crop_box(height, width)
            side = math.ceil(side / min(box[2] - box[0], box[3] - box[1]))
        image.draft(None, (side, side))
        _check_colours_of_16_bits(image)
        turned = _TURNS.get(_orientation(image))
        if turned is not None:
            image = image.transpose(turned)
        return standard_image(image, image_size, channels, fit, box)


def _orientation(image):
    """Returns the EXIF orientation, an int; what is damaged there says nothing of the pixels."""
    try:
        return image.getexif().get(_ORIENTATION)
    except Exception:  # Pillow raises whatever its reader of TIFF tags did.
        return None


def standard_image(image, image_size, channels, fit, box=None):
    """Returns an image in a wanted size and number of channels.

    Transparent pixels show white. Pixels of 16 bits become 8 bits by division by 257, rounded;
    where all are so low that they may well be 10 or 12 bits in a file of 16, nothing says what is
    white.

    Args:
        image: `PIL.Image.Image` of any mode with a known white, which floats have not, or a uint8
            array `(height, width, 1, 3 or 4)`, the fourth channel of which is opacity.
        image_size: int >= 1, height and width in pixels, or a pair of them.
        channels: 1 (luma, by ITU-R 601) or 3 (red, green, blue).
        fit: `"crop"` to scale the image until it just covers the size and cut out the centre, or
            `"stretch"` to scale both sides to it.
        box: sequence of four floats in [0, 1], the top, left, bottom and right of the part that is
            stretched to the size; `None` for what `fit` says.

    Returns:
        uint8 array `(height, width, channels)`.

    Raises:
        ValueError: if the pixels have no known white.
    """
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    mode = "L" if channels == 1 else "RGB"
    # Before scaling, which would mix the colours of transparent pixels into their neighbours.
    image = _without_transparency(_with_8_bits(image)).convert(mode)
    height, width = height_and_width(image_size)
    if box is None and fit == "crop":
        image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    else:
        top, left, bottom, right = (0, 0, 1, 1) if box is None else box
        part = (left * image.width, top * image.height, right * image.width, bottom * image.height)
        image = image.resize((width, height), Image.Resampling.LANCZOS, part)
    return np.asarray(image).reshape(height, width, channels)


def _check_colours_of_16_bits(image):
    """Refuses colours, of which Pillow keeps the upper 8 bits, if they may have 12 bits or less."""
    # What is in the file, which is forgotten once it has been read.
    is_of_16 = any(";16" in str(arguments) for *_, arguments in image.tile)
    if is_of_16 and image.mode in ("LA", "RGB", "RGBA"):
        colours = np.asarray(image)[..., : 1 if image.mode == "LA" else 3]
        if colours.max() <= _FEWER_BITS >> 8:
            raise ValueError(_TOO_DARK.format(f"{256 * int(colours.max()) + 255} or below"))


def _with_8_bits(image):
    if not image.mode.startswith(("I", "F")):
        return image
    pixels = np.asarray(image)
    # Pillow gives 16-bit PGM files as 32-bit integers.
    if image.mode == "F" or pixels.min() < 0 or pixels.max() > 65535:
        raise ValueError(f"pixels of mode {image.mode} must be integers of 16 bits")
    if 0 < pixels.max() <= _FEWER_BITS:
        raise ValueError(_TOO_DARK.format(pixels.max()))
    return Image.fromarray(np.rint(pixels / 257).astype(np.uint8))


def _without_transparency(image):
    if image.mode in ("P", "PA") or image.has_transparency_data:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, _BACKGROUND)
        return Image.alpha_composite(background, image)
    return image


class ReadableImages:
    """Decodes image files and remembers which of them it could not read.

    Args:
        image_size, channels, fit: see `standard_image`.
        kept_bytes: int >= 0. Bytes of decoded images to keep until they are read.
    """

    def __init__(self, image_size, channels, fit, kept_bytes=KEPT_BYTES):
        self._arguments = (image_size, channels, fit)
        self._num_kept = kept_bytes // (math.prod(height_and_width(image_size)) * channels)
        self._kept = {}
        self._faults = {}

    def faults(self, paths):
        """Finds out which files cannot be read; each is looked at once per process.

        Args:
            paths: sequence of str.

        Returns:
            Dict from the path of every file that cannot be read to the reason, a str, in order.
        """
        new = [path for path in paths if path not in self._faults]
        for start in range(0, len(new), _CHUNK):  # The threads would hold all results at once.
            chunk = new[start : start + _CHUNK]
            tried = reader_threads().map(self._try, chunk)
            for path, (image, fault) in zip(chunk, tried, strict=True):
                self._faults[path] = fault
                if image is not None and len(self._kept) < self._num_kept:
                    self._kept[path] = image
        return {path: self._faults[path] for path in paths if self._faults[path]}

    def read(self, path):
        """Returns an image, uint8 `(height, width, channels)`.

        Raises:
            ValueError: if it cannot be read, which `faults` says beforehand.
        """
        kept = self._kept.pop(path, None)
        if kept is not None:
            return kept
        image, fault = self._try(path)
        if fault:
            raise ValueError(f"{path} must be a whole image. Received: {fault}")
        return image

    def _try(self, path):
        return decoded_or_fault(path, *self._arguments)


def decoded_or_fault(file, *arguments):
    """Returns what `decode_image` does, and why it cannot, a str: one of the two is `None`."""
    try:
        return decode_image(file, *arguments), None
    except (MemoryError, ImportError):
        raise  # Not the fault of the file.
    except Exception as error:  # Pillow raises whatever the parser of the format did.
        return None, _reason(error)


def _reason(error):
    if isinstance(error, PIL.UnidentifiedImageError):
        return "no image of a known kind"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
