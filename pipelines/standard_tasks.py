"""The data sets that come with the product, as tasks."""

from pipelines.preparation.local_builder import BUILDER_MODULES
from pipelines.preparation.official_sets import OFFICIAL_SETS
from pipelines.sources.digits import DigitsSource
from pipelines.sources.fashion_mnist_small import FashionMnistSmallSource
from pipelines.sources.tfds_source import TfdsSource
from pipelines.task_spec import TaskSpec


def _task(name, source, image_size, **properties):
    # Four pixels for 32-pixel images is the custom; other sizes are cropped in proportion.
    return TaskSpec(
        name=name, source=source, image_size=image_size, pad=image_size // 8, **properties
    )


def _official_task(name, page, prepare_from, **properties):
    official = OFFICIAL_SETS[name]
    image_size, _, channels = official.image_shape
    source = TfdsSource(
        name,
        page,
        files=official.files,
        prepare_from=prepare_from,
        builder_module=BUILDER_MODULES.get(name),
    )
    return _task(
        name,
        source,
        image_size,
        channels=channels,
        num_classes=official.num_classes,
        **properties,
    )


STANDARD_TASKS = (
    _task(
        "digits",
        DigitsSource(),
        image_size=8,
        channels=1,
        num_classes=10,
        flip=False,
        description="handwritten digits of 8x8 pixels",
    ),
    _task(
        "fashion_mnist_small",
        FashionMnistSmallSource(),
        image_size=28,
        channels=1,
        num_classes=10,
        flip=True,
        description="clothes, 10,000 images of Fashion-MNIST",
    ),
    _official_task(
        "mnist",
        "the MNIST page of Yann LeCun",
        "FOLDER",
        flip=False,
        description="handwritten digits of 28x28 pixels",
    ),
    _official_task(
        "fashion_mnist",
        "the Fashion-MNIST repository of Zalando Research",
        "FOLDER",
        flip=True,
        description="clothes, all 70,000 images of Fashion-MNIST",
    ),
    _official_task(
        "cifar10",
        "the CIFAR-10 page of the University of Toronto",
        "cifar-10-binary.tar.gz",
        flip=True,
        description="animals and vehicles in 10 classes",
    ),
    _official_task(
        "cifar100",
        "the CIFAR-100 page of the University of Toronto",
        "cifar-100-binary.tar.gz",
        flip=True,
        description="animals, plants, things and scenes in 100 classes",
    ),
    _official_task(
        "svhn_cropped",
        "the Street View House Numbers page of Stanford University",
        "FOLDER",
        flip=False,
        description="digits of house numbers in street photographs",
    ),
    _official_task(
        "stl10",
        "the STL-10 page of Stanford University",
        "stl10_binary.tar.gz",
        flip=True,
        description="animals and vehicles of 96x96 pixels in 10 classes",
    ),
    _official_task(
        "tiny_imagenet",
        "the Tiny ImageNet page of Stanford University's CS231n course",
        "tiny-imagenet-200.zip",
        flip=True,
        description="objects and animals of 64x64 pixels in 200 classes",
    ),
)
