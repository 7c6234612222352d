"""The part of Fashion-MNIST that is embedded in the package."""

import pathlib
import zipfile

import numpy as np

from pipelines.sources.array_source import ArraySource
from pipelines.sources.data_not_found import DataNotFoundError

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
EMBEDDED_FILE = pathlib.Path(__file__).parent / "data" / "fashion_mnist_small.npz"


class FashionMnistSmallSource(ArraySource):
    """10,000 images of 28x28 pixels in 10 classes; `data/README.md` says how they were chosen.

    Args:
        file: path of the npz. Defaults to the embedded one.
    """

    def __init__(self, file=EMBEDDED_FILE):
        self.file = pathlib.Path(file)

    def class_names(self, data_dir=None):
        """Returns the names of the classes, of the data set's own page."""
        del data_dir
        return CLASS_NAMES

    def read(self, part):
        """Returns the images of `"train"` or `"test"` (see `ArraySource.read`).

        Raises:
            DataNotFoundError: if the file is missing or damaged.
        """
        try:
            with np.load(self.file, allow_pickle=False) as arrays:
                return arrays[f"x_{part}"][..., np.newaxis], arrays[f"y_{part}"]
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise DataNotFoundError(
                f"`file` must be the npz that comes with the package; install it anew "
                f"({type(error).__name__}). Received: file={self.file}"
            ) from None
