"""Image files of which some may be damaged."""

import concurrent.futures
import os

from PIL import UnidentifiedImageError

from pipelines.sources.image_decoding import decode_image

# Images are decoded to find out whether they can be. So many bytes of them are kept, so that small
# data sets are decoded once; what exceeds them is decoded again when it is read.
KEPT_BYTES = 2**28
_CHUNK = 1024


class ReadableImages:
    """Decodes image files and remembers which of them it could not read.

    Args:
        image_size: see `decode_image`.
        channels: see `decode_image`.
        fit: see `decode_image`.
        kept_bytes: int >= 0. Bytes of decoded images to keep.
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
        if path in self._kept:
            return self._kept[path]
        image, fault = self._try(path)
        if fault:
            raise ValueError(f"{path} must be a whole image. Received: {fault}")
        return image

    def _try(self, path):
        try:
            return decode_image(path, *self._arguments), None
        except MemoryError:
            raise  # Not the fault of the file.
        except Exception as error:  # Pillow raises whatever the parser of the format did.
            return None, _reason(error)


def _reason(error):
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, UnidentifiedImageError):
        return "no image of a known kind"
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
