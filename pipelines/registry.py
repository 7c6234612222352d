"""The tasks that can be named: those that come with the product, and registered ones."""

from pipelines.sources import DigitsSource, FashionMnistSmallSource, TfdsSource
from pipelines.task_spec import TaskSpec

_CLOTHES = tuple(
    "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(",")
)
_CIFAR10 = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
_STL10 = tuple("airplane bird car cat deer dog horse monkey ship truck".split())
_CIFAR100 = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
    butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch
    crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo
    keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
    mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain
    plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
    skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone
    television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
    """.split()
)


# Height and width, channels, classes or their names, whether a mirrored image still shows its
# class, and what is seen.
_PROPERTIES = {
    "digits": (8, 1, 10, False, "handwritten digits of 8x8 pixels"),
    "fashion_mnist_small": (28, 1, _CLOTHES, True, "clothes, 10,000 images of Fashion-MNIST"),
    "mnist": (28, 1, 10, False, "handwritten digits of 28x28 pixels"),
    "fashion_mnist": (28, 1, _CLOTHES, True, "clothes, all 70,000 images of Fashion-MNIST"),
    "cifar10": (32, 3, _CIFAR10, True, "animals and vehicles in 10 classes"),
    "cifar100": (32, 3, _CIFAR100, True, "animals, plants, things and scenes in 100 classes"),
    "svhn_cropped": (32, 3, 10, False, "digits of house numbers in street photographs"),
    "stl10": (96, 3, _STL10, True, "animals and vehicles of 96x96 pixels in 10 classes"),
    "tiny_imagenet": (64, 3, 200, True, "objects and animals of 64x64 pixels in 200 classes"),
}
# Of those that tfds prepares.
_PAGES = {
    "mnist": "the MNIST page of Yann LeCun",
    "fashion_mnist": "the Fashion-MNIST repository of Zalando Research",
    "cifar10": "the CIFAR-10 page of the University of Toronto",
    "cifar100": "the CIFAR-100 page of the University of Toronto",
    "svhn_cropped": "the Street View House Numbers page of Stanford University",
    "stl10": "the STL-10 page of Stanford University",
    "tiny_imagenet": "the Tiny ImageNet page of Stanford University's CS231n course",
}
_SOURCES = {name: TfdsSource(name, page) for name, page in _PAGES.items()} | {
    "digits": DigitsSource(),
    "fashion_mnist_small": FashionMnistSmallSource(),
}
OFFICIAL_TASKS = tuple(_PAGES)


def _standard_task(name, size, channels, classes, flip, description):
    names, count = (classes, len(classes)) if isinstance(classes, tuple) else (None, classes)
    return TaskSpec(name, size, channels, count, _SOURCES[name], flip, None, description, names)


_TASKS = {name: _standard_task(name, *of) for name, of in _PROPERTIES.items()}


def register_task(spec):
    """Makes a task known under its name.

    Args:
        spec: `TaskSpec`.

    Raises:
        TypeError: if it is none.
        ValueError: if the name is taken.
    """
    if not isinstance(spec, TaskSpec):
        raise TypeError(f"`spec` must be a TaskSpec. Received: {spec=}")
    if spec.name in _TASKS:
        raise ValueError(
            f"`spec` must have a name that is not taken yet. Received: name={spec.name!r}"
        )
    _TASKS[spec.name] = spec


def task_names():
    """Returns the names of all tasks, a sorted list of str."""
    return sorted(_TASKS)


def get_task(name):
    """Returns the `TaskSpec` of that name.

    Raises:
        ValueError: if there is none; the message lists the known names.
    """
    if name not in _TASKS:
        raise ValueError(f"`name` must be one of {', '.join(task_names())}. Received: {name=}")
    return _TASKS[name]
