"""A source whose images can be told apart, for tests."""

import numpy as np

from pipelines.sources import ArraySource
from pipelines.task_spec import TaskSpec

IMAGE_SIZE = 4
NUM_CLASSES = 2


class NumberedSource(ArraySource):
    """Image number i of a part is filled with i, its label is i mod `NUM_CLASSES`."""

    def __init__(self, num_train, num_test):
        self.sizes = {"train": num_train, "test": num_test}

    def read(self, part):
        numbers = np.arange(self.sizes[part])
        images = np.broadcast_to(
            numbers.astype(np.uint8)[:, None, None, None],
            (len(numbers), IMAGE_SIZE, IMAGE_SIZE, 1),
        )
        return np.array(images), numbers % NUM_CLASSES


def numbered_task(name="numbered", num_train=20, num_test=7, pad=0, flip=False):
    """Returns a task of numbered images; without `pad` they arrive as they are."""
    return TaskSpec(
        name=name,
        image_size=IMAGE_SIZE,
        channels=1,
        num_classes=NUM_CLASSES,
        source=NumberedSource(num_train, num_test),
        flip=flip,
        pad=pad,
        description="numbered images",
    )


def numbers(images):
    """Returns the numbers of a batch of images, a list of int."""
    return np.asarray(images)[:, 0, 0, 0].tolist()
