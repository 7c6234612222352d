"""What the official data sets consist of: the one table of their counts, shapes and parts."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class OfficialSet:
    """The properties that prepared data must have.

    Attributes:
        name: str, of the task and of the tfds data set.
        image_shape: `(height, width, channels)`.
        num_classes: int.
        counts: dict from split, as tfds names it, to its number of images.
        optional: splits that may be left out.
        id_digits: int. Digits of the feature `id`; 0 where tfds has no such feature.
        train_parts: int. Files over which the train images of the official archive are spread.
        num_coarse: int. Classes of the feature `coarse_label`; 0 where tfds has no such feature.
        files: str. The files that its official page offers, in words.
        forms: str. What it may be prepared from, in words.
    """

    name: str
    image_shape: tuple[int, int, int]
    num_classes: int
    counts: dict[str, int]
    files: str
    forms: str
    optional: tuple[str, ...] = ()
    id_digits: int = 0
    train_parts: int = 1
    num_coarse: int = 0

    @property
    def image_bytes(self):
        """Bytes of one image, an int."""
        height, width, channels = self.image_shape
        return height * width * channels

    @property
    def classes(self):
        """Number of classes of every label feature, a dict from str to int."""
        return {"label": self.num_classes, "coarse_label": self.num_coarse}


_IDX_FILES = (
    "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and "
    "t10k-labels-idx1-ubyte.gz"
)
_MNIST_LIKE = {
    "image_shape": (28, 28, 1),
    "num_classes": 10,
    "counts": {"train": 60000, "test": 10000},
    "files": _IDX_FILES,
    "forms": f"a folder with {_IDX_FILES}",
}
_SETS = (
    OfficialSet(name="mnist", **_MNIST_LIKE),
    OfficialSet(name="fashion_mnist", **_MNIST_LIKE),
    OfficialSet(
        name="cifar10",
        image_shape=(32, 32, 3),
        num_classes=10,
        counts={"train": 50000, "test": 10000},
        files="cifar-10-python.tar.gz or cifar-10-binary.tar.gz",
        forms="cifar-10-python.tar.gz or cifar-10-binary.tar.gz",
        id_digits=5,
        train_parts=5,
    ),
    OfficialSet(
        name="cifar100",
        image_shape=(32, 32, 3),
        num_classes=100,
        counts={"train": 50000, "test": 10000},
        files="cifar-100-python.tar.gz or cifar-100-binary.tar.gz",
        forms="cifar-100-python.tar.gz or cifar-100-binary.tar.gz",
        id_digits=5,
        num_coarse=20,
    ),
    OfficialSet(
        name="svhn_cropped",
        image_shape=(32, 32, 3),
        num_classes=10,
        counts={"train": 73257, "test": 26032, "extra": 531131},
        files="train_32x32.mat and test_32x32.mat",
        forms="a folder with train_32x32.mat and test_32x32.mat",
        optional=("extra",),
        id_digits=6,
    ),
    OfficialSet(
        name="stl10",
        image_shape=(96, 96, 3),
        num_classes=10,
        counts={"train": 5000, "test": 8000, "unlabelled": 100000},
        files="stl10_binary.tar.gz",
        forms="stl10_binary.tar.gz",
        optional=("unlabelled",),
    ),
    OfficialSet(
        name="tiny_imagenet",
        image_shape=(64, 64, 3),
        num_classes=200,
        counts={"train": 100000, "test": 10000},
        files="tiny-imagenet-200.zip",
        forms="tiny-imagenet-200.zip or the folder it unpacks to",
    ),
)

OFFICIAL_SETS = {official.name: official for official in _SETS}
