"""The layout of Tiny ImageNet, in its archive or in the folder that it unpacks to."""

import collections
import re

from pipelines.preparation.refusal import refuse

FOLDER = "tiny-imagenet-200"
_ANNOTATIONS = "val/val_annotations.txt"
_TRAIN_IMAGE = re.compile(r"train/([^/]+)/images/[^/]+\.JPEG")
# The official files have 2,000 and 500,000 bytes.
_MAX_TEXT = 2**22


class TinyImageNetFiles:
    """Lists files and labels without opening an image.

    Args:
        files: `SafeZip` or `FolderFiles`.
        num_classes: int. Lines that `wnids.txt` must have.

    Attributes:
        wnids: list of str. The label of a class is its place in it, by which others number them
            too.

    Raises:
        ValueError: if the class list is missing or damaged.
    """

    def __init__(self, files, num_classes):
        self._files = files
        self._names = set(files.names())
        self.wnids = self._read("wnids.txt").split()
        if len(self.wnids) != num_classes or len(set(self.wnids)) != num_classes:
            refuse(
                f"wnids.txt in {files.path}",
                f"have {num_classes} different classes",
                f"{len(set(self.wnids))} in {len(self.wnids)} lines",
            )
        self._label_of = {wnid: label for label, wnid in enumerate(self.wnids)}

    def train(self):
        """Returns the train images by class and name, a list of `(name, label)`: str and int.

        Raises:
            ValueError: if a class has no images.
        """
        by_class = collections.defaultdict(list)
        for name in self._names:
            if match := _TRAIN_IMAGE.fullmatch(name):
                by_class[match[1]].append(name)
        images = []
        for wnid, label in self._label_of.items():
            if not by_class[wnid]:
                refuse(self._files.path, f"hold train/{wnid}/images/*.JPEG", "none of them")
            images += [(name, label) for name in sorted(by_class[wnid])]
        return images

    def test(self):
        """Returns the images of the folder `val` as annotated, a list of `(name, label)`.

        Raises:
            ValueError: if annotations or images are missing, or the annotations name a class that
                does not exist, or an image twice.
        """
        images, seen = [], set()
        for number, line in enumerate(self._read(_ANNOTATIONS).splitlines(), start=1):
            file, wnid = (line.split() + ["", ""])[:2]
            place = f"line {number} of {_ANNOTATIONS} in {self._files.path}"
            name = f"val/images/{file}"
            if wnid not in self._label_of:
                refuse(place, "name a class of wnids.txt", repr(wnid))
            if name not in self._names:
                refuse(place, "name an image in val/images", repr(file))
            if name in seen:
                refuse(place, "name an image once", f"{file!r} again")
            seen.add(name)
            images.append((name, self._label_of[wnid]))
        return images

    def _read(self, name):
        if name not in self._names:
            refuse(self._files.path, f"hold {name}", "no such file")
        try:
            return self._files.read(name, _MAX_TEXT).decode("utf-8")
        except UnicodeDecodeError as error:
            return refuse(f"{name} in {self._files.path}", "be text in UTF-8", error)
