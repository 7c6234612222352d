"""The layout of the `tiny-imagenet-200` folder."""

from pipelines.sources.data_not_found import DataNotFoundError

FOLDER = "tiny-imagenet-200"


class TinyImageNetFiles:
    """Lists files and labels without opening an image.

    Args:
        root: `pathlib.Path` that holds `tiny-imagenet-200`.
        num_classes: int. Lines that `wnids.txt` must have.
        data_dir: what the user gave, for error messages.

    Raises:
        DataNotFoundError: if the folder or its class list is missing.
        ValueError: if the class list is damaged.
    """

    def __init__(self, root, num_classes, data_dir):
        self.folder = root / FOLDER
        self.data_dir = data_dir
        if not self.folder.is_dir():
            raise DataNotFoundError(
                f"`data_dir` must hold the folder {FOLDER}; it was looked for in {root}.\n"
                "Download its archive from the Tiny ImageNet page of Stanford University's "
                "CS231n course and unpack it there.\n"
                f"Received: {data_dir=}"
            )
        wnids = self._read("wnids.txt").split()
        if len(wnids) != num_classes or len(set(wnids)) != num_classes:
            raise ValueError(
                f"`data_dir` must hold a {FOLDER}/wnids.txt of {num_classes} different classes, "
                f"but it has {len(set(wnids))} in {len(wnids)} lines. Received: {data_dir=}"
            )
        # The label of a class is its line in this file, by which others number them too.
        self.label_of = {wnid: label for label, wnid in enumerate(wnids)}

    def train(self):
        """Returns the train images: a list of str paths and a list of int labels.

        Raises:
            DataNotFoundError: if a class has no images.
        """
        paths, labels = [], []
        for wnid, label in self.label_of.items():
            images = self.folder / "train" / wnid / "images"
            files = sorted(str(path) for path in images.glob("*.JPEG"))
            if not files:
                self._incomplete(f"train/{wnid}/images/*.JPEG")
            paths += files
            labels += [label] * len(files)
        return paths, labels

    def test(self):
        """Returns the images of the folder `val`: a list of str paths and a list of int labels.

        Raises:
            DataNotFoundError: if annotations or images are missing.
            ValueError: if the annotations name no image, or a class that does not exist.
        """
        name = "val/val_annotations.txt"
        images = self.folder / "val" / "images"
        present = {path.name for path in images.glob("*.JPEG")}
        paths, labels = [], []
        for number, line in enumerate(self._read(name).splitlines(), start=1):
            file, wnid = (line.split() + ["", ""])[:2]
            if wnid not in self.label_of:
                self._damaged(name, f"line {number} names the class {wnid!r}")
            if file not in present:
                self._incomplete(f"val/images/{file}")
            paths.append(str(images / file))
            labels.append(self.label_of[wnid])
        if not paths:
            self._damaged(name, "it is empty")
        return paths, labels

    def _read(self, name):
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return self._incomplete(name)

    def _incomplete(self, name):
        raise DataNotFoundError(
            f"`data_dir` must hold a complete {FOLDER}, but {name} is missing or unreadable; "
            f"unpack the archive again. Received: data_dir={self.data_dir!r}"
        )

    def _damaged(self, name, problem):
        raise ValueError(
            f"`data_dir` must hold an undamaged {FOLDER}, but in {name} {problem}; "
            f"unpack the archive again. Received: data_dir={self.data_dir!r}"
        )
