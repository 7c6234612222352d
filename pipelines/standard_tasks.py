"""The data sets that come with the product, as tasks."""

from pipelines.sources.digits import DigitsSource
from pipelines.sources.fashion_mnist_small import FashionMnistSmallSource
from pipelines.sources.tfds_source import TfdsSource
from pipelines.sources.tiny_imagenet import TinyImageNetSource
from pipelines.task_spec import TaskSpec


def _task(name, source, image_size, **properties):
    # Four pixels for 32-pixel images is the custom; other sizes are cropped in proportion.
    return TaskSpec(
        name=name, source=source, image_size=image_size, pad=image_size // 8, **properties
    )


_GREY_28 = {"image_size": 28, "channels": 1, "num_classes": 10}
_COLOUR_32 = {"image_size": 32, "channels": 3}

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
        **_GREY_28,
        flip=True,
        description="clothes, 10,000 images of Fashion-MNIST",
    ),
    _task(
        "mnist",
        TfdsSource("mnist", "the MNIST page of Yann LeCun"),
        **_GREY_28,
        flip=False,
        description="handwritten digits of 28x28 pixels",
    ),
    _task(
        "fashion_mnist",
        TfdsSource("fashion_mnist", "the Fashion-MNIST repository of Zalando Research"),
        **_GREY_28,
        flip=True,
        description="clothes, all 70,000 images of Fashion-MNIST",
    ),
    _task(
        "cifar10",
        TfdsSource("cifar10", "the CIFAR-10 page of the University of Toronto"),
        **_COLOUR_32,
        num_classes=10,
        flip=True,
        description="animals and vehicles in 10 classes",
    ),
    _task(
        "cifar100",
        TfdsSource("cifar100", "the CIFAR-100 page of the University of Toronto"),
        **_COLOUR_32,
        num_classes=100,
        flip=True,
        description="animals, plants, things and scenes in 100 classes",
    ),
    _task(
        "svhn_cropped",
        TfdsSource("svhn_cropped", "the Street View House Numbers page of Stanford University"),
        **_COLOUR_32,
        num_classes=10,
        flip=False,
        description="digits of house numbers in street photographs",
    ),
    _task(
        "stl10",
        TfdsSource("stl10", "the STL-10 page of Stanford University"),
        image_size=96,
        channels=3,
        num_classes=10,
        flip=True,
        description="animals and vehicles of 96x96 pixels in 10 classes",
    ),
    _task(
        "tiny_imagenet",
        TinyImageNetSource(image_size=64, num_classes=200),
        image_size=64,
        channels=3,
        num_classes=200,
        flip=True,
        description="objects and animals of 64x64 pixels in 200 classes",
    ),
)
