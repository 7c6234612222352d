"""A user's own images, of whose index the splits are made."""

import abc
import logging

import numpy as np

from pipelines.sources.indexed_images import IndexedImages
from pipelines.sources.split import carve_test, carve_validation, check_split, name_some

CORRUPT_RULES = ("error", "skip")


class IndexedSource(abc.ABC):
    """Images of an `ImageIndex`, brought to one shape.

    Without test images, `test_share` of every class is the test split; validation is what comes as
    such, or where that is missing a share of every class of the rest. Both depend on the order of
    the images and their labels alone, and a damaged one moves no other to another split.

    Args:
        index_class: class of an `ImageIndex`.
        place: what it takes.
        image_size: int >= 1, height and width in pixels, or a pair of them.
        channels: 1 or 3.
        fit: `"crop"` or `"stretch"` (see `standard_image`).
        test_share: float in (0, 0.5].
        on_corrupt_image: `"error"` to refuse images that cannot be read, `"skip"` to leave them
            out.
        index_file: str or path of an npz file, where what a look at all images has found is read
            from, if it is there, and kept for later starts by `save_index`; `None` for none.

    Attributes:
        image_size, channels, fit: as given.

    Raises:
        DataNotFoundError: if the images are missing, or others than those of the index.
    """

    def __init__(
        self,
        index_class,
        place,
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
        self._test_share = test_share
        self._skips = on_corrupt_image == "skip"
        self._skipped = set()
        self._index_file = index_file
        self._index = index_file and index_class.load(index_file, place)
        # What was damaged, and left out, may be whole by now.
        if not self._index or (self._index.faults and not self._skips):
            self._index = index_class(place)

    @property
    def num_classes(self):
        """int >= 2."""
        return len(self._index.classes)

    @property
    def num_images(self):
        """int, of all splits together."""
        return len(self._index)

    def class_names(self, data_dir=None):
        """Returns the names of the classes, a list of str."""
        del data_dir
        return self._index.classes

    @abc.abstractmethod
    def load(self, split, data_dir=None, validation_share=0.1, download=False):
        """Returns one split, see `TaskSpec.load`."""

    def read_as_needed(self, split, validation_share=0.1):
        """Returns the images of `load`, decoded only when they are wanted: `IndexedImages`.

        All images are looked at once, unless the index says what there is to know.

        Raises:
            DataNotFoundError: if images cannot be read, or too few are left.
            ValueError: if an argument is out of range.
        """
        if self._index.faults is None:
            self._index.examine(self.image_size, self.channels, self.fit)
        rows = self._rows(split, validation_share)
        return IndexedImages(self._index, rows, self.image_size, self.channels, self.fit)

    def save_index(self):
        """Keeps what `read_as_needed` has found in `index_file`, if there is one."""
        if self._index_file and self._index.faults is not None:
            self._index.save(self._index_file)

    def _rows(self, split, validation_share):
        """Returns the numbers of the images of a split that can be read."""
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
        """Returns a dict from split to the numbers of its images, damaged ones included."""
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
        """Returns the numbers of the images that cannot be read, a list, or refuses them."""
        faults = self._find_faults(rows)
        if faults and not self._skips:
            self._index.refuse(
                "hold images that can be read (on_corrupt_image=skip leaves the others out), "
                f"but found {self._name_images(faults)}"
            )
        new = {row: fault for row, fault in faults.items() if row not in self._skipped}
        if new:
            logging.getLogger(__name__).warning("Left out: %s", self._name_images(new))
            self._skipped |= set(new)
        return list(faults)

    def _find_faults(self, rows):
        """Returns a dict from the number of every image that cannot be read to the reason."""
        known = self._index.faults
        return {row: known[row] for row in rows[np.isin(rows, list(known))]}

    def _name_images(self, faults):
        named = [f"{self._index.name(row)} ({fault})" for row, fault in faults.items()]
        return f"{len(faults)} damaged: {name_some(named)}"

    def _check_classes(self, split, rows):
        present = set(np.unique(self._index.labels[rows]))
        # Test images that come as such need not be of every class, nor need validation.
        required = split == "train" or (split == "test" and "test" not in self._index.rows)
        missing = [name for label, name in enumerate(self.class_names()) if label not in present]
        if missing and (required or not present):
            self._index.refuse(
                f"have images of every class for {split} that can be read, but there is none of "
                f"{name_some(missing)}: each needs more, or its folder away"
            )
