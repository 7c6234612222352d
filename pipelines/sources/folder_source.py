"""A user's own images: a folder with one folder per class."""

import logging

import numpy as np
import tensorflow as tf

from pipelines.sources.held_out_test import carve_test
from pipelines.sources.image_folder import ImageFolder
from pipelines.sources.readable_images import ReadableImages
from pipelines.sources.split import Split, check_split
from pipelines.sources.validation_carve import carve_validation

CORRUPT_RULES = ("error", "skip")
_NUM_NAMED = 5


class FolderSource:
    """Image files in class folders (see `ImageFolder`), brought to one shape.

    Without a folder of test images, `test_share` of every class is the test split; validation is
    the folder `val`, or where that is missing a share of every class of the rest. Both depend on
    the order of the paths alone, and a damaged file moves no other one to another split.

    Args:
        folder: str or path.
        image_size: int >= 1. Height and width, in pixels.
        channels: 1 or 3.
        fit: `"crop"` or `"stretch"` (see `standard_image`).
        test_share: float in (0, 0.5].
        on_corrupt_image: `"error"` to refuse files that cannot be read, `"skip"` to leave them out.

    Attributes:
        fit: as given.

    Raises:
        DataNotFoundError: see `ImageFolder`.
    """

    def __init__(
        self, folder, image_size, channels=3, fit="crop", test_share=0.2, on_corrupt_image="error"
    ):
        self.fit = fit
        self._listing = ImageFolder(folder)
        self._images = ReadableImages(image_size, channels, fit)
        self._shape = (image_size, image_size, channels)
        self._test_share = test_share
        self._skips = on_corrupt_image == "skip"
        self._skipped = {}

    @property
    def num_classes(self):
        """int >= 2."""
        return len(self._listing.classes)

    def class_names(self, data_dir=None):
        """Returns the names of the class folders, a list of str."""
        del data_dir
        return self._listing.classes

    def load(self, split, data_dir=None, validation_share=0.1, download=False):
        """Returns one split. Loading train looks at the files of all splits.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            data_dir: ignored.
            validation_share: float in [0, 0.5]. Share of every class held out of train for
                validation, where there is no folder of it.
            download: ignored.

        Returns:
            `Split`, ordered by class and path.

        Raises:
            DataNotFoundError: if files cannot be read, or too few are left.
            ValueError: if an argument is out of range.
        """
        del data_dir, download
        check_split(split, validation_share)
        splits = self._splits(validation_share)
        # Training ends with a test: a damaged test image is better known at its start.
        checked = list(splits) if split == "train" else [split]
        faults = self._faults([path for name in checked for path, _ in splits[name]])
        for name in checked:
            splits[name] = [file for file in splits[name] if file[0] not in faults]
            self._check_classes(name, splits[name])
        return self._dataset(splits[split])

    def _splits(self, validation_share):
        """Returns a dict from split to its list of `(path, label)`, damaged files included."""
        splits = dict(self._listing.files)
        if "test" not in splits:
            splits["train"], splits["test"] = _carve(splits["train"], carve_test, self._test_share)
        if not validation_share:
            splits.pop("validation", None)
        elif "validation" not in splits:
            splits["train"], splits["validation"] = _carve(
                splits["train"], carve_validation, validation_share
            )
        return splits

    def _faults(self, paths):
        faults = self._images.faults(paths)
        if faults and not self._skips:
            self._listing.refuse(
                "hold images that can be read (on_corrupt_image=skip leaves the others out), "
                f"but found {_name_files(faults)}"
            )
        new = {path: fault for path, fault in faults.items() if path not in self._skipped}
        if new:
            logging.getLogger(__name__).warning("Left out: %s", _name_files(new))
            self._skipped |= new
        return faults

    def _check_classes(self, split, files):
        classes = self._listing.classes
        present = {label for _, label in files}
        # A folder of test images need not have every class, nor need validation.
        required = split == "train" or (split == "test" and "test" not in self._listing.files)
        missing = [name for label, name in enumerate(classes) if label not in present]
        if missing and (required or not present):
            self._listing.refuse(
                f"have enough images that can be read, but of class '{missing[0]}' there is none "
                f"for {split}"
            )

    def _dataset(self, files):
        paths = [path for path, _ in files]
        labels = np.array([label for _, label in files], np.int32)

        def read(index, label):
            image = tf.numpy_function(
                lambda number: self._images.read(paths[number]), [index], tf.uint8, stateful=False
            )
            return tf.ensure_shape(image, self._shape), label

        dataset = tf.data.Dataset.from_tensor_slices((np.arange(len(paths)), labels))
        return Split(dataset.map(read, num_parallel_calls=tf.data.AUTOTUNE), len(paths))


def _carve(files, carve, share):
    labels = [label for _, label in files]
    return [[files[index] for index in indices] for indices in carve(labels, share)]


def _name_files(faults):
    named = ", ".join(f"{path} ({fault})" for path, fault in list(faults.items())[:_NUM_NAMED])
    more = ", ..." if len(faults) > _NUM_NAMED else ""
    return f"{len(faults)} damaged: {named}{more}"
