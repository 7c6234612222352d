"""What a reader found in official files, checked, before anything is written."""

import dataclasses
from collections.abc import Callable, Iterator


@dataclasses.dataclass(frozen=True)
class Content:
    """Images that are known to be whole and of the right number.

    Attributes:
        splits: dict from split, as tfds names it, to a function that returns a new iterator over
            its examples in official order: dicts with `image` (uint8 array `(height, width,
            channels)` or the bytes of an image file), `label` (int) and, where the data set has
            it, `coarse_label` (int).
        label_names: dict from label feature to its class names, a list of str; features whose
            names the files do not tell are left out.
    """

    splits: dict[str, Callable[[], Iterator[dict]]]
    label_names: dict[str, list[str]] = dataclasses.field(default_factory=dict)


def array_split(images, **labels):
    """Returns the function of `Content.splits` for images and labels that are in memory.

    Args:
        images: uint8 array `(examples, height, width, channels)`.
        **labels: integer array `(examples,)` of every label feature.
    """

    def examples():
        for number, image in enumerate(images):
            yield {"image": image, **{name: int(of[number]) for name, of in labels.items()}}

    return examples
