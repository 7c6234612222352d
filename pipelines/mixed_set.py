"""One set of images made of several, or of clean and disturbed ones: of mixed difficulty."""

import numpy as np
from PIL import Image, ImageFilter

from pipelines.sources.image_files import standard_image
from pipelines.task_spec import height_and_width

# Of 255: the standard deviation of noise that is added to every channel of every pixel.
_NOISE = 40
_BLUR = 1.5  # Pixels: the standard deviation of a Gaussian.


def _noisy(image, generator):
    noise = generator.normal(0, _NOISE, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def _blurred(image, generator):
    as_image = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    return np.asarray(as_image.filter(ImageFilter.GaussianBlur(_BLUR))).reshape(image.shape)


DISTURBANCES = {"noise": _noisy, "blur": _blurred}


def mixed_set(specs, data, disturb=(), seed=0):
    """Returns the images of several tasks as one task, shuffled.

    Images are stretched to the largest size among the tasks, and are in colour if one of them is.
    The classes of the first come first, then those of the next.

    Args:
        specs: sequence of `TaskSpec`, at least one.
        data: `DataSettings`, which holds out no validation images.
        disturb: sequence of `"noise"` (standard deviation 40 of 255) and `"blur"` (a Gaussian of
            1.5 pixels). Each image is left clean or disturbed in one of these ways, all with the
            same chance. Defaults to none.
        seed: int >= 0, of order and disturbances. Defaults to 0.

    Returns:
        Dict of arrays for an npz file: `x_train`, `x_test`, uint8 `(images, height, width,
        channels)`; `y_train`, `y_test`, int64 `(images,)`; `kind_train`, `kind_test`, int64
        `(images,)`, 0 for clean images, then in the order of `disturb`; `source_train`,
        `source_test`, int64 `(images,)`, of which of the tasks they are.

    Raises:
        ValueError: if a disturbance is not known or named twice, or validation images are held out.
    """
    wrong = [name for name in disturb if name not in DISTURBANCES or disturb.count(name) > 1]
    if wrong:
        raise ValueError(
            f"`disturb` must be of {', '.join(DISTURBANCES)}, each once. "
            f"Received: {', '.join(wrong)}"
        )
    if data.validation_share:
        raise ValueError(
            "`data` must hold out no validation images, which training does. "
            f"Received: validation_share={data.validation_share}"
        )
    sizes = [height_and_width(spec.image_size) for spec in specs]
    shape = (*(max(sides) for sides in zip(*sizes, strict=True)), max(s.channels for s in specs))
    arrays = {}
    for number, split in enumerate(("train", "test")):
        generator = np.random.default_rng([seed, number])
        images, labels, sources = _joined(specs, data, split, shape)
        order = generator.permutation(len(images))
        kinds = generator.integers(0, len(disturb) + 1, len(images))
        for row in np.flatnonzero(kinds):
            change = DISTURBANCES[disturb[kinds[row] - 1]]
            images[order[row]] = change(images[order[row]], generator)
        arrays |= {
            f"x_{split}": images[order],
            f"y_{split}": labels[order],
            f"kind_{split}": kinds,
            f"source_{split}": sources[order],
        }
    return arrays


def _joined(specs, data, split, shape):
    """Returns the images of a split of all tasks, their labels, and whose they are, arrays."""
    found, first = [], 0
    for number, spec in enumerate(specs):
        batches = data.split_batches(spec, split).as_numpy_iterator()
        images, labels = map(np.concatenate, zip(*batches, strict=True))
        if images.shape[1:] != shape:
            images = np.stack(
                [standard_image(image, shape[:2], shape[2], "stretch") for image in images]
            )
        found.append((images, labels + first, np.full(len(images), number)))
        first += spec.num_classes
    return map(np.concatenate, zip(*found, strict=True))
