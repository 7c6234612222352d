"""Tiny ImageNet as a tfds data set, which tfds does not come with."""

import tensorflow as tf
import tensorflow_datasets as tfds

_FOLDER = "tiny-imagenet-200"
_ANNOTATIONS = "val/val_annotations.txt"


class TinyImagenet(tfds.core.GeneratorBasedBuilder):
    """Images of 64x64 pixels in 200 classes; the official validation images are the test split.

    The archive has no labels for its test images, so that its validation images are tested on, as
    is customary. A label is the place of its class in `wnids.txt`.
    """

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_FILES = (f"{_FOLDER}.zip",)
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"{_FOLDER}.zip, or the folder that it unpacks to"
    IMAGE_SHAPE = (64, 64, 3)
    NUM_CLASSES = 200
    NUM_IMAGES = {"train": 100_000, "test": 10_000}

    def _info(self):
        # No encoding is named, so that the official JPEG files are kept byte by byte.
        image = tfds.features.Image(shape=self.IMAGE_SHAPE)
        label = tfds.features.ClassLabel(num_classes=self.NUM_CLASSES)
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict({"image": image, "label": label}),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        root = _unpacked(dl_manager)
        wnids = _read(root / "wnids.txt").split()
        if len(wnids) != self.NUM_CLASSES or len(set(wnids)) != self.NUM_CLASSES:
            expected = f"have {self.NUM_CLASSES} different classes"
            _refuse(root / "wnids.txt", expected, f"{len(set(wnids))} in {len(wnids)} lines")
        self.info.features["label"].names = wnids
        listed = {"train": _train_images(root, wnids), "test": _test_images(root, wnids)}
        for split, images in listed.items():
            if len(images) != self.NUM_IMAGES[split]:
                _refuse(root, f"have {self.NUM_IMAGES[split]:,} {split} images", f"{len(images):,}")
        return {split: self._generate_examples(images) for split, images in listed.items()}

    def _generate_examples(self, images):
        # Its running number is the key of an example, by which tfds shuffles.
        for number, (path, label) in enumerate(images):
            content = path.read_bytes()
            _check_jpeg(path, content, self.IMAGE_SHAPE)
            yield number, {"image": content, "label": label}


def _unpacked(dl_manager):
    """Returns the folder of the official files, unpacked where only the archive is there."""
    try:
        manual = dl_manager.manual_dir
    except AssertionError:  # tfds has no other way to say that it is empty.
        _refuse("downloads/manual", f"hold {_FOLDER}.zip or {_FOLDER}", "nothing there")
    if (manual / _FOLDER).exists():
        return manual / _FOLDER
    if (manual / f"{_FOLDER}.zip").exists():
        return dl_manager.extract(manual / f"{_FOLDER}.zip") / _FOLDER
    return _refuse(manual, f"hold {_FOLDER}.zip or {_FOLDER}", "neither")


def _train_images(root, wnids):
    """Returns the train images by class and name, a list of `(path, label)`."""
    images = []
    for label, wnid in enumerate(wnids):
        folder = root / "train" / wnid / "images"
        found = sorted(folder.glob("*.JPEG"), key=lambda path: path.name)
        if not found:
            _refuse(root, f"hold train/{wnid}/images/*.JPEG", "none of them")
        images += [(path, label) for path in found]
    return images


def _test_images(root, wnids):
    """Returns the images of the folder `val` as annotated, a list of `(path, label)`."""
    labels = {wnid: label for label, wnid in enumerate(wnids)}
    there = {path.name: path for path in (root / "val" / "images").glob("*.JPEG")}
    images = []
    for number, line in enumerate(_read(root / _ANNOTATIONS).splitlines(), start=1):
        name, wnid = (line.split() + ["", ""])[:2]
        if wnid not in labels or name not in there:
            expected = "name a class of wnids.txt and an image in val/images, once"
            _refuse(f"line {number} of {root / _ANNOTATIONS}", expected, f"{name!r} in {wnid!r}")
        images.append((there.pop(name), labels[wnid]))
    return images


def _check_jpeg(path, content, shape):
    try:
        found = tf.io.decode_jpeg(content).shape
    except tf.errors.InvalidArgumentError as error:
        _refuse(path, "be a whole JPEG file", error.message.splitlines()[0])
    if tuple(found) not in (shape, (*shape[:2], 1)):  # Some are grey.
        _refuse(path, f"be an image of {shape}, or grey", tuple(found))


def _read(path):
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return _refuse(path, "be there, as text in UTF-8", type(error).__name__)


def _refuse(file, expected, received):
    raise ValueError(f"{file} must {expected}. Received: {received}")
