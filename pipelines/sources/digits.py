"""The handwritten digits that come with scikit-learn."""

import numpy as np
from sklearn.datasets import load_digits

from pipelines.sources.array_source import ArraySource

_NUM_TEST = 600
_MAX_VALUE = 16


class DigitsSource(ArraySource):
    """1,797 images of 8x8 pixels in 10 classes.

    The last 600 are the test split: the file holds one writer after another, so that cutting it
    in order, unlike shuffling, tests mostly on writers that were not trained on.
    """

    def read(self, part):
        """Returns the images of `"train"` or `"test"` (see `ArraySource.read`)."""
        pixels, labels = load_digits(return_X_y=True)
        # The pixels count the dark dots in a 4x4 square: whole numbers from 0 to 16.
        images = np.rint(pixels * (255 / _MAX_VALUE)).astype(np.uint8)
        side = int(np.sqrt(images.shape[-1]))
        images = images.reshape(-1, side, side, 1)
        rows = slice(None, -_NUM_TEST) if part == "train" else slice(-_NUM_TEST, None)
        return images[rows], labels[rows]
