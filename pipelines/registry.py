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


def _task(name, source, size, channels, classes, flip, description):
    return TaskSpec(
        name=name,
        image_size=size,
        channels=channels,
        num_classes=classes if isinstance(classes, int) else len(classes),
        source=source,
        flip=flip,
        # Four pixels for 32-pixel images is the custom; other sizes are cropped in proportion.
        pad=size // 8,
        description=description,
        classes=None if isinstance(classes, int) else classes,
    )


def _tfds_task(name, page, *properties, module=None):
    return _task(name, TfdsSource(name, page, module), *properties)


# Name, source or page, height and width, channels, classes or their names, whether a mirrored image
# still shows its class, and what is seen.
_STANDARD_TASKS = (
    _task("digits", DigitsSource(), 8, 1, 10, False, "handwritten digits of 8x8 pixels"),
    _task(
        "fashion_mnist_small",
        FashionMnistSmallSource(),
        *(28, 1, _CLOTHES, True, "clothes, 10,000 images of Fashion-MNIST"),
    ),
    _tfds_task(
        "mnist",
        "the MNIST page of Yann LeCun",
        *(28, 1, 10, False, "handwritten digits of 28x28 pixels"),
    ),
    _tfds_task(
        "fashion_mnist",
        "the Fashion-MNIST repository of Zalando Research",
        *(28, 1, _CLOTHES, True, "clothes, all 70,000 images of Fashion-MNIST"),
    ),
    _tfds_task(
        "cifar10",
        "the CIFAR-10 page of the University of Toronto",
        *(32, 3, _CIFAR10, True, "animals and vehicles in 10 classes"),
    ),
    _tfds_task(
        "cifar100",
        "the CIFAR-100 page of the University of Toronto",
        *(32, 3, _CIFAR100, True, "animals, plants, things and scenes in 100 classes"),
    ),
    _tfds_task(
        "svhn_cropped",
        "the Street View House Numbers page of Stanford University",
        *(32, 3, 10, False, "digits of house numbers in street photographs"),
    ),
    _tfds_task(
        "stl10",
        "the STL-10 page of Stanford University",
        *(96, 3, _STL10, True, "animals and vehicles of 96x96 pixels in 10 classes"),
    ),
    _tfds_task(
        "tiny_imagenet",
        "the Tiny ImageNet page of Stanford University's CS231n course",
        *(64, 3, 200, True, "objects and animals of 64x64 pixels in 200 classes"),
        module="pipelines.tiny_imagenet",
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
