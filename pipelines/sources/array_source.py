"""Sources that are small enough to lie in memory as arrays, and those that come embedded."""

import abc
import pathlib

import numpy as np
import tensorflow as tf

from pipelines.sources.split import carve_validation, check_split

EMBEDDED_FILE = pathlib.Path(__file__).parent / "data" / "fashion_mnist_small.npz"
_NUM_TEST_DIGITS = 600
_MAX_DIGIT_VALUE = 16


class ArraySource(abc.ABC):
    """Base of sources that read all their images at once."""

    @abc.abstractmethod
    def read(self, part):
        """Returns the images and labels of an official part.

        Args:
            part: `"train"` or `"test"`.

        Returns:
            Array uint8 `(examples, height, width, channels)` and integer array `(examples,)`.
        """

    def load(self, split, data_dir=None, validation_share=0.1, download=False):
        """Returns one split, in the official order (see `TaskSpec.load`).

        Validation is a share of every class; `data_dir` and `download` are ignored.
        """
        del data_dir, download
        check_split(split, validation_share)
        images, labels = self.read("test" if split == "test" else "train")
        if split != "test":
            train, validation = carve_validation(labels, validation_share)
            chosen = train if split == "train" else validation
            images, labels = images[chosen], labels[chosen]
        return tf.data.Dataset.from_tensor_slices((images, labels.astype(np.int32)))


class DigitsSource(ArraySource):
    """The 1,797 handwritten digits of scikit-learn, 8x8 pixels in 10 classes.

    The last 600 are the test split: the file holds one writer after another, so that cutting it
    in order, unlike shuffling, tests mostly on writers that were not trained on.
    """

    def read(self, part):
        """Returns the images of `"train"` or `"test"` (see `ArraySource.read`)."""
        from sklearn import datasets  # Takes a second, which other tasks need not wait.

        pixels, labels = datasets.load_digits(return_X_y=True)
        # The pixels count the dark dots in a 4x4 square: whole numbers from 0 to 16.
        images = np.rint(pixels * (255 / _MAX_DIGIT_VALUE)).astype(np.uint8)
        side = int(np.sqrt(images.shape[-1]))
        images = images.reshape(-1, side, side, 1)
        start, stop = (0, -_NUM_TEST_DIGITS) if part == "train" else (-_NUM_TEST_DIGITS, None)
        return images[start:stop], labels[start:stop]


class FashionMnistSmallSource(ArraySource):
    """10,000 images of 28x28 pixels in 10 classes; `data/README.md` says how they were chosen."""

    def read(self, part):
        """Returns the images of `"train"` or `"test"` (see `ArraySource.read`)."""
        with np.load(EMBEDDED_FILE, allow_pickle=False) as arrays:
            return arrays[f"x_{part}"][..., np.newaxis], arrays[f"y_{part}"]
