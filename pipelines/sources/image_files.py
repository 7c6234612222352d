"""Image files of any kind, size and mode as uint8 arrays of one shape."""

import concurrent.futures
import functools
import os

import numpy as np
import PIL
from PIL import Image, ImageOps

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


@functools.cache
def _formats():
    Image.init()
    return tuple(sorted(set(Image.OPEN) - _UNREADABLE))


@functools.cache
def image_suffixes():
    """Returns the suffixes of files that can be read, a frozenset of str such as `".png"`."""
    registered = Image.registered_extensions()
    return frozenset(suffix for suffix, name in registered.items() if name in _formats())


def decode_image(path, image_size, channels, fit):
    """Reads an image file.

    It is turned as its EXIF orientation says; of an animation, the first frame counts. See
    `standard_image` for its pixels.

    Args:
        path: str or path.
        image_size, channels, fit: see `standard_image`.

    Returns:
        uint8 array `(image_size, image_size, channels)`.

    Raises:
        Exception: whatever Pillow raises for a file that is no image, is cut off, has pixels
            without a known white, or is so large that it is taken for a decompression bomb.
    """
    with Image.open(path, formats=_formats()) as image:
        image.draft(None, (_DRAFT_GAP * image_size, _DRAFT_GAP * image_size))
        turned = ImageOps.exif_transpose(image)
        return standard_image(turned, image_size, channels, fit)


def standard_image(image, image_size, channels, fit):
    """Returns an image in a wanted size and number of channels.

    Transparent pixels show white. Pixels of 16 bits become 8 bits by division by 257, rounded.

    Args:
        image: `PIL.Image.Image` of any mode with a known white, which floats have not, or a uint8
            array `(height, width, 1, 3 or 4)`, the fourth channel of which is opacity.
        image_size: int >= 1. Height and width, in pixels.
        channels: 1 (luma, by ITU-R 601) or 3 (red, green, blue).
        fit: `"crop"` to scale the short side to `image_size` and cut out the centre, or
            `"stretch"` to scale both sides to it.

    Returns:
        uint8 array `(image_size, image_size, channels)`.

    Raises:
        ValueError: if the pixels have no known white.
    """
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
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
        self._num_kept = kept_bytes // (image_size * image_size * channels)
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
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, len(new), _CHUNK):  # The pool would hold all results at once.
                chunk = new[start : start + _CHUNK]
                for path, (image, fault) in zip(chunk, pool.map(self._try, chunk), strict=True):
                    self._faults[path] = fault
                    if image is not None and len(self._kept) < self._num_kept:
                        self._kept[path] = image
        return {path: self._faults[path] for path in paths if self._faults[path]}

    def read(self, path):
        """Returns an image, uint8 `(image_size, image_size, channels)`.

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
        try:
            return decode_image(path, *self._arguments), None
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
