"""Images as arrays in an npz file."""

import pathlib
import zipfile
import zlib

import numpy as np
import tensorflow as tf

from pipelines.sources.image_files import standard_image
from pipelines.sources.split import (
    DataNotFoundError,
    carve_test,
    carve_validation,
    check_split,
    name_some,
)
from pipelines.task_spec import checked_image_size, height_and_width

# What NumPy and the readers of zip and deflate raise; without `with`, an array that is no npz file
# is a TypeError.
_DAMAGES = (OSError, EOFError, RuntimeError, TypeError, ValueError, zipfile.BadZipFile, zlib.error)
_CHUNK = 64


class NpzSource:
    """Arrays `x_train` and `y_train`; where they are there, `x_test`, `y_test`, `x_val`, `y_val`.

    Images are uint8 `(examples, height, width)` or `(examples, height, width, channels)` with 1, 3
    or 4 channels, the fourth of which is opacity; labels are integers `(examples,)` or
    `(examples, 1)` from 0 on. Without test arrays, `test_share` of every class is the test split,
    without arrays for validation a share of what is left then.

    Args:
        file: str or path; a `~` at its start is the home folder.
        image_size: int >= 1, height and width in pixels, or a pair of them; `None` to take images
            as they are.
        channels: 1 or 3, or `None` for those of the arrays (3 where they have opacity).
        fit: `"crop"` or `"stretch"` (see `standard_image`).
        test_share: float in (0, 0.5].

    Attributes:
        num_classes: int >= 2, one more than the highest label of train.
        image_size: int, or for images that are not square a tuple `(height, width)`.
        channels: 1 or 3.
        fit: as given.

    Raises:
        DataNotFoundError: if the file is missing or damaged, or holds other arrays.
    """

    def __init__(self, file, image_size=None, channels=None, fit="crop", test_share=0.2):
        self.file = pathlib.Path(file).expanduser()
        self.fit = fit
        self._test_share = test_share
        images, labels, others = self._arrays("train")
        self._stored_shape = images.shape[1:]
        self.image_size = image_size or checked_image_size(self._stored_shape[:2])
        self.channels = channels or min(self._stored_shape[2], 3)
        self.num_classes = int(labels.max()) + 1
        self._check_train_labels(labels, "test" in others)
        self._labels = {"train": labels} | {part: self._labels_of(part) for part in others}

    def load(self, split, data_dir=None, validation_share=0.1, download=False):
        """Returns one split, in the order of the file (see `TaskSpec.load`).

        The file is read in every pass, and not kept in memory. `data_dir` and `download` are
        ignored.
        """
        del data_dir, download
        check_split(split, validation_share)
        part, rows = self._rows(split, validation_share)
        labels = self._labels[part].astype(np.int32)

        def chunks():
            images, _, _ = self._arrays(part)
            for start in range(0, len(rows), _CHUNK):
                some = rows[start : start + _CHUNK]
                yield images[some], labels[some]

        dataset = tf.data.Dataset.from_generator(
            chunks,
            output_signature=(
                tf.TensorSpec((None, *self._stored_shape), tf.uint8),
                tf.TensorSpec((None,), tf.int32),
            ),
        )
        dataset = dataset.map(self._converted, tf.data.AUTOTUNE).unbatch()
        return dataset.apply(tf.data.experimental.assert_cardinality(len(rows)))

    def _rows(self, split, validation_share):
        """Returns the part of the file that a split is of, and its rows there."""
        part = "val" if split == "validation" else split
        if part in self._labels and part != "train":
            return part, np.arange(len(self._labels[part]))
        rows = np.arange(len(self._labels["train"]))
        if "test" not in self._labels:
            train, test = carve_test(self._labels["train"], self._test_share)
            if split == "test":
                return "train", test
            rows = train
        if "val" in self._labels:
            return "train", rows
        carved = carve_validation(self._labels["train"][rows], validation_share)
        return "train", rows[carved[split == "validation"]]

    def _converted(self, images, labels):
        shape = (*height_and_width(self.image_size), self.channels)
        if images.shape[1:] == shape:
            return images, labels

        def convert(images):
            arguments = (self.image_size, self.channels, self.fit)
            return np.stack([standard_image(image, *arguments) for image in images])

        converted = tf.numpy_function(convert, [images], tf.uint8, stateful=False)
        return tf.ensure_shape(converted, (None, *shape)), labels

    def _arrays(self, part):
        """Returns images of rank 4, labels of rank 1, and what other parts there are, a list."""
        try:
            with np.load(self.file, allow_pickle=False) as arrays:
                images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
                others = [
                    other
                    for other in ("test", "val")
                    if {f"x_{other}", f"y_{other}"} & set(arrays.files)
                ]
        except FileNotFoundError:
            raise DataNotFoundError(
                f"`npz` must be a file that exists. Received: npz={self.file}"
            ) from None
        except KeyError:
            self._refuse(f"both x_{part} and y_{part}")
        except _DAMAGES as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            self._refuse(f"arrays of numbers, undamaged ({reason})")
        images = self._checked_images(part, images)
        return images, self._checked_labels(part, labels, images), others

    def _checked_images(self, part, images):
        if images.dtype != np.uint8:
            self._refuse(f"the pixels of x_{part} as uint8, from 0 to 255, not as {images.dtype}")
        if images.ndim == 3:
            images = images[..., np.newaxis]
        if images.ndim != 4 or images.shape[-1] not in (1, 3, 4) or not images.size:
            self._refuse(
                f"x_{part} of shape (examples, height, width) or (examples, height, width, 1, 3 or "
                f"4), not {images.shape}"
            )
        return images

    def _checked_labels(self, part, labels, images):
        if labels.shape not in ((len(images),), (len(images), 1)):
            self._refuse(
                f"a label in y_{part} for each of the {len(images)} images in x_{part}, not an "
                f"array of shape {labels.shape}"
            )
        if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0:
            self._refuse(f"integers >= 0 in y_{part}")
        return labels.reshape(-1).astype(np.int64)

    def _check_train_labels(self, labels, has_test):
        classes, counts = np.unique(labels, return_counts=True)
        if self.num_classes < 2:
            self._refuse("at least 2 classes in y_train, not 1")
        if len(classes) < self.num_classes:
            # The first class that is not where it would be if none were missing.
            missing = np.flatnonzero(np.append(classes, -1) != np.arange(len(classes) + 1))[0]
            self._refuse(f"every label from 0 to {classes[-1]} in y_train, which lacks {missing}")
        # The test split takes an image of every class, and training needs one.
        alone = [str(label) for label in classes[counts < 2]]
        if not has_test and alone:
            self._refuse(
                f"at least 2 images of every class, but there is 1 of {name_some(alone)}: each "
                "needs more, or x_test and y_test are there, of which it need not be"
            )

    def _labels_of(self, part):
        images, labels, _ = self._arrays(part)
        if images.shape[1:] != self._stored_shape:
            self._refuse(
                f"images of one shape, not {self._stored_shape} in x_train and "
                f"{images.shape[1:]} in x_{part}"
            )
        if labels.max() >= self.num_classes:
            self._refuse(
                f"in y_{part} labels of y_train, which end at {self.num_classes - 1}, not "
                f"{labels.max()}"
            )
        return labels

    def _refuse(self, expected):
        raise DataNotFoundError(f"`npz` must hold {expected}. Received: npz={self.file}")
