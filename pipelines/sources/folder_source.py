"""A user's own images: a folder with one folder per class."""

import logging
import os
import pathlib

import numpy as np
import tensorflow as tf

from pipelines.sources.image_files import ReadableImages, image_suffixes
from pipelines.sources.split import DataNotFoundError, carve_test, carve_validation, check_split

CORRUPT_RULES = ("error", "skip")
_NUM_NAMED = 5
# What folders of splits are called, in any case of letters.
_SPLIT_OF = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


class ImageFolder:
    """Lists classes and files without opening an image.

    Either the class folders lie in the folder itself, or in folders of splits: `train`, and where
    they are there `test` and `val`. Images may lie in folders within a class folder. Hidden files
    and files without an image's suffix are left out.

    Args:
        folder: str or path; a `~` at its start is the home folder.

    Attributes:
        classes: list of str, the names of the class folders of train, sorted; labels count them.
        files: dict from split (`"train"`, and `"validation"` and `"test"` if they have folders) to
            a list of `(path, label)`, by class and then by path: str and int.

    Raises:
        DataNotFoundError: if the folder is missing or cannot be read, or is laid out otherwise.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder).expanduser()
        if not self.folder.is_dir():
            self.refuse("be a folder that exists")
        parts = self._parts()
        self.classes = self._folders(parts["train"])
        if len(self.classes) < 2:
            self.refuse(
                f"hold at least 2 class folders with images, in {parts['train']}, "
                f"but it has {len(self.classes)}"
            )
        self.files = {split: self._files(part) for split, part in parts.items()}

    def refuse(self, expected):
        """Raises the `DataNotFoundError` that says what the folder must be."""
        raise DataNotFoundError(f"`folder` must {expected}. Received: folder={self.folder}")

    def _parts(self):
        """Returns a dict from split to the folder that holds its class folders."""
        names = self._folders(self.folder)
        of_splits = [name for name in names if name.lower() in _SPLIT_OF]
        if not of_splits or len(of_splits) < len(names):
            for name in of_splits:
                # A class may be called "train" too, but its folder then holds images.
                if not any(map(_is_image, self._scan(self.folder / name))):
                    self.refuse(
                        f"hold class folders, or nothing but folders of splits, but '{name}' "
                        f"lies beside '{next(other for other in names if other not in of_splits)}'"
                    )
            return {"train": self.folder}
        parts = {}
        for name in of_splits:
            split = _SPLIT_OF[name.lower()]
            if split in parts:
                self.refuse(
                    f"hold one folder of each split, but has '{parts[split].name}' and '{name}'"
                )
            parts[split] = self.folder / name
        if "train" not in parts:
            self.refuse(f"hold a folder 'train' beside '{of_splits[0]}'")
        return parts

    def _files(self, part):
        unknown = sorted(set(self._folders(part)) - set(self.classes))
        if unknown:
            self.refuse(f"hold every class in train, but {part.name}/{unknown[0]} is not there")
        files = []
        for label, name in enumerate(self.classes):
            if (part / name).is_dir():
                found = self._images(part / name)
                if not found:
                    self.refuse(f"hold images of every class, but {part / name} has none")
                files += [(path, label) for path in found]
        return files

    def _images(self, folder):
        """Returns the str paths of all images below a folder, in an order all machines share."""
        found = []
        for place, folders, names in os.walk(folder, onerror=self._unreadable):
            folders[:] = [name for name in folders if not name.startswith(".")]
            found += [os.path.join(place, name) for name in names if _is_image_name(name)]
        return sorted(found, key=lambda path: path.split(os.sep))

    def _folders(self, folder):
        entries = self._scan(folder)
        return sorted(
            entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")
        )

    def _scan(self, folder):
        try:
            with os.scandir(folder) as entries:
                return list(entries)
        except OSError as error:
            return self._unreadable(error)

    def _unreadable(self, error):
        self.refuse(f"be readable, but {error.filename}: {error.strerror}")


def _is_image(entry):
    return _is_image_name(entry.name) and not entry.is_dir()


def _is_image_name(name):
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in image_suffixes()


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
        image_size, channels, fit: as given.

    Raises:
        DataNotFoundError: see `ImageFolder`.
    """

    def __init__(
        self, folder, image_size, channels=3, fit="crop", test_share=0.2, on_corrupt_image="error"
    ):
        self.image_size = image_size
        self.channels = channels
        self.fit = fit
        self._listing = ImageFolder(folder)
        self._images = ReadableImages(image_size, channels, fit)
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
        """Returns one split, ordered by class and path (see `TaskSpec.load`).

        Loading train looks at the files of all splits. `data_dir` and `download` are ignored, and
        `validation_share` but for 0 where there is a folder of validation images.

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
        shape = (self.image_size, self.image_size, self.channels)
        paths = [path for path, _ in files]
        labels = np.array([label for _, label in files], np.int32)

        def read(index, label):
            image = tf.numpy_function(
                lambda number: self._images.read(paths[number]), [index], tf.uint8, stateful=False
            )
            return tf.ensure_shape(image, shape), label

        dataset = tf.data.Dataset.from_tensor_slices((np.arange(len(paths)), labels))
        return dataset.map(read, num_parallel_calls=tf.data.AUTOTUNE)


def _carve(files, carve, share):
    labels = [label for _, label in files]
    return [[files[index] for index in indices] for indices in carve(labels, share)]


def _name_files(faults):
    named = ", ".join(f"{path} ({fault})" for path, fault in list(faults.items())[:_NUM_NAMED])
    more = ", ..." if len(faults) > _NUM_NAMED else ""
    return f"{len(faults)} damaged: {named}{more}"
