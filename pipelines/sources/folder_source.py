"""A user's own images: a folder with one folder per class."""

import logging

import numpy as np
import tensorflow as tf

from pipelines.sources.file_images import FileImages
from pipelines.sources.file_index import FileIndex
from pipelines.sources.image_files import ReadableImages
from pipelines.sources.image_folder import refuse_folder
from pipelines.sources.split import carve_test, carve_validation, check_split
from pipelines.task_spec import height_and_width

CORRUPT_RULES = ("error", "skip")
_NUM_NAMED = 5


class FolderSource:
    """Image files in class folders (see `ImageFolder`), brought to one shape.

    Without a folder of test images, `test_share` of every class is the test split; validation is
    the folder `val`, or where that is missing a share of every class of the rest. Both depend on
    the order of the paths alone, and a damaged file moves no other one to another split.

    Args:
        folder: str or path.
        image_size: int >= 1, height and width in pixels, or a pair of them.
        channels: 1 or 3.
        fit: `"crop"` or `"stretch"` (see `standard_image`).
        test_share: float in (0, 0.5].
        on_corrupt_image: `"error"` to refuse files that cannot be read, `"skip"` to leave them out.
        index_file: str or path of an npz file, where what a look at all files has found is read
            from, if it is there, and kept for later starts by `save_index`; `None` for none.

    Attributes:
        image_size, channels, fit: as given.

    Raises:
        DataNotFoundError: see `ImageFolder`; also if the folder has other files than its index.
    """

    def __init__(
        self,
        folder,
        image_size,
        channels=3,
        fit="crop",
        test_share=0.2,
        on_corrupt_image="error",
        index_file=None,
    ):
        self.image_size = image_size
        self.channels = channels
        self.fit = fit
        self._images = ReadableImages(image_size, channels, fit)
        self._test_share = test_share
        self._skips = on_corrupt_image == "skip"
        self._skipped = set()
        self._index_file = index_file
        self._index = index_file and FileIndex.load(index_file, folder)
        # What was damaged, and left out, may be whole by now.
        if not self._index or (self._index.faults and not self._skips):
            self._index = FileIndex(folder)

    @property
    def num_classes(self):
        """int >= 2."""
        return len(self._index.classes)

    @property
    def num_files(self):
        """int, of all splits together."""
        return len(self._index)

    def class_names(self, data_dir=None):
        """Returns the names of the class folders, a list of str."""
        del data_dir
        return self._index.classes

    def load(self, split, data_dir=None, validation_share=0.1, download=False):
        """Returns one split, ordered by class and path (see `TaskSpec.load`).

        Loading train looks at the files of all splits. `data_dir` and `download` are ignored, and
        `validation_share` but for 0 where there is a folder of validation images.

        Raises:
            DataNotFoundError: if files cannot be read, or too few are left.
            ValueError: if an argument is out of range.
        """
        del data_dir, download
        return self._dataset(self._rows(split, validation_share))

    def read_as_needed(self, split, validation_share=0.1):
        """Returns the images of `load`, decoded only when they are wanted: `FileImages`.

        All files are looked at once, unless the index says what there is to know.

        Raises:
            DataNotFoundError, ValueError: see `load`.
        """
        if self._index.faults is None:
            self._index.examine(self.image_size, self.channels, self.fit)
        rows = self._rows(split, validation_share)
        return FileImages(self._index, rows, self.image_size, self.channels, self.fit)

    def save_index(self):
        """Keeps what `read_as_needed` has found in `index_file`, if there is one."""
        if self._index_file and self._index.faults is not None:
            self._index.save(self._index_file)

    def _rows(self, split, validation_share):
        """Returns the numbers of the files of a split that can be read."""
        check_split(split, validation_share)
        splits = self._splits(validation_share)
        # Training ends with a test: a damaged test image is better known at its start.
        checked = list(splits) if split == "train" else [split]
        faults = self._faults(np.concatenate([splits[name] for name in checked]))
        for name in checked:
            splits[name] = splits[name][~np.isin(splits[name], faults)]
            self._check_classes(name, splits[name])
        return splits[split]

    def _splits(self, validation_share):
        """Returns a dict from split to the numbers of its files, damaged ones included."""
        splits = dict(self._index.rows)
        if "test" not in splits:
            splits["train"], splits["test"] = self._carve(
                splits["train"], carve_test, self._test_share
            )
        if not validation_share:
            splits.pop("validation", None)
        elif "validation" not in splits:
            splits["train"], splits["validation"] = self._carve(
                splits["train"], carve_validation, validation_share
            )
        return splits

    def _carve(self, rows, carve, share):
        return [rows[chosen] for chosen in carve(self._index.labels[rows], share)]

    def _faults(self, rows):
        """Returns the numbers of the files that cannot be read, a list, or refuses them."""
        if self._index.faults is None:
            of_path = {self._index.path(row): row for row in rows}
            found = self._images.faults(list(of_path))
            faults = {of_path[path]: fault for path, fault in found.items()}
        else:
            known = self._index.faults
            faults = {row: known[row] for row in rows[np.isin(rows, list(known))]}
        if faults and not self._skips:
            self._refuse(
                "hold images that can be read (on_corrupt_image=skip leaves the others out), "
                f"but found {self._name_files(faults)}"
            )
        new = {row: fault for row, fault in faults.items() if row not in self._skipped}
        if new:
            logging.getLogger(__name__).warning("Left out: %s", self._name_files(new))
            self._skipped |= set(new)
        return list(faults)

    def _name_files(self, faults):
        some = list(faults.items())[:_NUM_NAMED]
        named = ", ".join(f"{self._index.path(row)} ({fault})" for row, fault in some)
        more = ", ..." if len(faults) > _NUM_NAMED else ""
        return f"{len(faults)} damaged: {named}{more}"

    def _check_classes(self, split, rows):
        present = set(np.unique(self._index.labels[rows]))
        # A folder of test images need not have every class, nor need validation.
        required = split == "train" or (split == "test" and "test" not in self._index.rows)
        missing = [name for label, name in enumerate(self.class_names()) if label not in present]
        if missing and (required or not present):
            self._refuse(
                f"have enough images that can be read, but of class '{missing[0]}' there is none "
                f"for {split}"
            )

    def _refuse(self, expected):
        refuse_folder(self._index.folder, expected)

    def _dataset(self, rows):
        shape = (*height_and_width(self.image_size), self.channels)

        def read(row, label):
            image = tf.numpy_function(
                lambda number: self._images.read(self._index.path(number)),
                [row],
                tf.uint8,
                stateful=False,
            )
            return tf.ensure_shape(image, shape), label

        dataset = tf.data.Dataset.from_tensor_slices((rows, self._index.labels[rows]))
        return dataset.map(read, num_parallel_calls=tf.data.AUTOTUNE)
