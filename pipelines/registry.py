"""The tasks that can be named: those that come with the product, and registered ones."""

from pipelines.sources import DigitsSource, FashionMnistSmallSource, TfdsSource
from pipelines.task_spec import TaskSpec

_CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
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


def _task(name, source, image_size, **properties):
    # Four pixels for 32-pixel images is the custom; other sizes are cropped in proportion.
    return TaskSpec(
        name=name, source=source, image_size=image_size, pad=image_size // 8, **properties
    )


_STANDARD_TASKS = (
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
        classes=_CLOTHES,
    ),
    _task(
        "mnist",
        TfdsSource("mnist", "the MNIST page of Yann LeCun"),
        image_size=28,
        channels=1,
        num_classes=10,
        flip=False,
        description="handwritten digits of 28x28 pixels",
    ),
    _task(
        "fashion_mnist",
        TfdsSource("fashion_mnist", "the Fashion-MNIST repository of Zalando Research"),
        image_size=28,
        channels=1,
        num_classes=10,
        flip=True,
        description="clothes, all 70,000 images of Fashion-MNIST",
        classes=_CLOTHES,
    ),
    _task(
        "cifar10",
        TfdsSource("cifar10", "the CIFAR-10 page of the University of Toronto"),
        image_size=32,
        channels=3,
        num_classes=10,
        flip=True,
        description="animals and vehicles in 10 classes",
        classes=_CIFAR10,
    ),
    _task(
        "cifar100",
        TfdsSource("cifar100", "the CIFAR-100 page of the University of Toronto"),
        image_size=32,
        channels=3,
        num_classes=100,
        flip=True,
        description="animals, plants, things and scenes in 100 classes",
        classes=_CIFAR100,
    ),
    _task(
        "svhn_cropped",
        TfdsSource("svhn_cropped", "the Street View House Numbers page of Stanford University"),
        image_size=32,
        channels=3,
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
        classes=_STL10,
    ),
    _task(
        "tiny_imagenet",
        TfdsSource(
            "tiny_imagenet",
            "the Tiny ImageNet page of Stanford University's CS231n course",
            "pipelines.tiny_imagenet",
        ),
        image_size=64,
        channels=3,
        num_classes=200,
        flip=True,
        description="objects and animals of 64x64 pixels in 200 classes",
    ),
)
# Those that tfds prepares.
OFFICIAL_TASKS = tuple(spec.name for spec in _STANDARD_TASKS if isinstance(spec.source, TfdsSource))
_TASKS = {spec.name: spec for spec in _STANDARD_TASKS}


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


def get_tasks(names):
    """Returns the `TaskSpec`s of several tasks, a list in the order of `names`.

    Args:
        names: sequence of str, not empty, each name once.

    Raises:
        ValueError: if it is empty, repeats a name or holds an unknown one.
    """
    names = [names] if isinstance(names, str) else list(names)
    if not names or len(set(names)) != len(names):
        raise ValueError(f"`names` must hold at least one task, each once. Received: {names=}")
    return [get_task(name) for name in names]
