"""Sources that are small enough to lie in memory as arrays."""

import abc

import numpy as np
import tensorflow as tf

from pipelines.sources.split import Split, check_split
from pipelines.sources.validation_carve import carve_validation


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
        """Returns one split.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            data_dir: ignored; the images come with an installed package.
            validation_share: float in [0, 0.5]. Share of every class held out of train.
            download: ignored.

        Returns:
            `Split`, in the official order.

        Raises:
            ValueError: if an argument is out of range.
        """
        del data_dir, download
        check_split(split, validation_share)
        images, labels = self.read("test" if split == "test" else "train")
        if split != "test":
            train, validation = carve_validation(labels, validation_share)
            chosen = train if split == "train" else validation
            images, labels = images[chosen], labels[chosen]
        dataset = tf.data.Dataset.from_tensor_slices((images, labels.astype(np.int32)))
        return Split(dataset, len(labels))
