"""Which data to train and evaluate on: the settings, declared once, and the batches they give."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from pipelines.own_tasks import parse_tasks, tasks_from_items
from pipelines.registry import task_names
from pipelines.settings import CheckedSettings, setting
from pipelines.sources import CORRUPT_RULES
from pipelines.sources.split import MAX_VALIDATION_SHARE
from pipelines.split_images import checksum, images_at_hand, images_of, read_as_needed, stream_of
from pipelines.streams import (
    WEIGHT_RULES,
    batches_in_order,
    divide_batch,
    side_by_side,
    training_stream,
)


@dataclasses.dataclass(frozen=True)
class DataSettings(CheckedSettings):
    """The data of a run. What each setting means stands in the metadata of its field.

    Metadata: `help`, one sentence; `kind`, the type of a value; bounds `low` and `high`, both
    inclusive, and `above`, exclusive; `choices`; `per_task`, where a dict from task name to a value
    may be given as well; `is_list`; `optional`, where `None` may be given; `paper`, the paper's
    value; `resume`, where a run that is continued may have another value than it began with.

    `specs` below are the `TaskSpec`s of `task_specs`, or others that `tasks` need not name. Images
    are uint8 and labels int32. What reads images raises a `DataNotFoundError` where they are absent
    or damaged, and a `ValueError` where an image cannot be read, a label is not one of the task's
    classes or the images do not fit in memory.

    Raises:
        ValueError: if a setting is out of range.
    """

    tasks: tuple[str, ...] = setting(
        ("digits", "fashion_mnist_small"),
        str,
        f"Tasks, trained jointly. Known: {', '.join(task_names())}. Your own images: "
        "NAME:folder=PATH,image_size=N (a folder per class), NAME:tfds=DATA_SET,image_size=N "
        "(photographs that tfds has prepared) or NAME:npz=PATH (also under a known name, whose "
        "images are then taken from there); more options behind it: channels=1|3, "
        "image_size=HEIGHTxWIDTH, flip=true|false, pad=N, fit=crop|stretch, test_share=X, "
        "augment=crop|resized, crop_area=X, jitter=X.",
        is_list=True,
    )
    on_corrupt_image: str = setting(
        "error",
        str,
        "What to do with images of your own that cannot be read: stop, or leave them out.",
        choices=CORRUPT_RULES,
    )
    data_dir: str | None = setting(
        None,
        str,
        "Folder of prepared data sets; tfds' own default where left out.",
        optional=True,
        resume=True,
    )
    download: bool = setting(
        False,
        bool,
        "Whether data sets that are not in the folder of prepared ones may be downloaded.",
        resume=True,
    )
    batch_size: int | dict[str, int] = setting(
        128,
        int,
        "Images of each task in a step: one number, or one per task (digits=32,cifar10=128).",
        low=1,
        per_task=True,
    )
    task_weights: str | dict[str, float] = setting(
        "equal",
        float,
        "How the images of a step, the batch size for each task on average, are divided: "
        f"{', '.join(WEIGHT_RULES)} (to the number of training images), or a weight > 0 per task "
        "(digits=1,cifar10=2.5). Other than equal, the batch size must be one number.",
        above=0.0,
        choices=tuple(WEIGHT_RULES),
        per_task=True,
    )
    class_weights: str = setting(
        "none",
        str,
        "How much an image counts in training: 'none', 1 each; 'balanced', by its class, so that "
        "all classes of a task count alike, and 1 on average.",
        choices=("none", "balanced"),
    )
    cache_dir: str | None = setting(
        None,
        str,
        "Folder for decoded images while running; in memory where left out.",
        optional=True,
        resume=True,
    )
    decode: str = setting(
        "auto",
        str,
        "When images of folders and tfds= are decoded: all at the start, into memory or the folder "
        "for decoded images; those of a batch as needed; or as needed where all would take more "
        "than half of the memory that is left. Which of them changes no image.",
        choices=("auto", "memory", "as_needed"),
        resume=True,
    )
    index_dir: str | None = setting(
        None,
        str,
        "Folder for indexes of images that are decoded as needed, so that later starts need not "
        "look at every one; beside the run where left out.",
        optional=True,
        resume=True,
    )
    validation_share: float = setting(
        0.1,
        float,
        "Share of the train split held out for validation.",
        low=0.0,
        high=MAX_VALIDATION_SHARE,
    )
    crop_pad: int | None = setting(
        None,
        int,
        "Pixels of black around a training image, of which a random part of its size is taken: "
        "one number for all tasks without a pad of their own; an eighth of the size where left "
        "out.",
        low=0,
        optional=True,
        paper=4,
    )
    eval_batch_size: int = setting(
        256, int, "Images of each task in an evaluation batch.", low=1, resume=True
    )

    def __post_init__(self):
        super().__post_init__()
        parse_tasks(self.tasks)

    def task_specs(self):
        """Returns the `TaskSpec`s of `tasks`, a list in their order.

        Raises:
            DataNotFoundError: if the user's own images are missing or not as they must be.
            ValueError: if a name is not known, or `index_dir` is no place for a folder.
        """
        if self.index_dir is not None:
            folder = pathlib.Path(self.index_dir).expanduser().absolute()
            there = next(each for each in (folder, *folder.parents) if each.exists())
            if "://" in str(self.index_dir) or not there.is_dir():
                raise ValueError(
                    "`index_dir` must be a folder that can be made on this machine. "
                    f"Received: index_dir={self.index_dir}"
                )
        return tasks_from_items(self.tasks, **self.own_task_options())

    def own_task_options(self):
        """Returns the arguments of `OwnTask.to_spec`, a dict."""
        names = ("on_corrupt_image", "index_dir", "data_dir", "download")
        return {name: getattr(self, name) for name in names}

    def save_indexes(self, specs):
        """Keeps what was found out of images that are read as needed, in `index_dir` if given.

        Args:
            specs: sequence of `TaskSpec`.
        """
        for spec in specs:
            getattr(spec.source, "save_index", lambda: None)()

    def batch_sizes(self, specs):
        """Returns how many images of every task a step has, a dict from name to int.

        Raises:
            ValueError: if a setting names other tasks than `specs`, or both divide the batch.
        """
        names = [spec.name for spec in specs]
        for name in ("batch_size", "task_weights"):
            value = getattr(self, name)
            if isinstance(value, dict) and set(value) != set(names):
                raise ValueError(
                    f"`{name}` must give one number for each of {', '.join(names)}, and for no "
                    f"other. Received: {name}={value}"
                )
        if self.task_weights == "equal":
            size = self.batch_size
            return size if isinstance(size, dict) else dict.fromkeys(names, size)
        if isinstance(self.batch_size, dict):
            raise ValueError(
                "`batch_size` must be one number where `task_weights` divides the batch. "
                f"Received: batch_size={self.batch_size}, task_weights={self.task_weights}"
            )
        weights = self.task_weights
        if isinstance(weights, str):
            power, images = WEIGHT_RULES[weights], self.training_images(specs)
            weights = {name: count**power for name, count in images.items()}
        return divide_batch(self.batch_size * len(names), weights)

    def training_images(self, specs):
        """Returns the number of training images of every task, a dict from name to int."""
        return {
            spec.name: len(images_at_hand(spec, "train", self) or stream_of(spec, "train", self))
            for spec in _checked(specs)
        }

    def image_checksums(self, specs):
        """Returns what tells the training images of every task from others of the same number.

        Returns:
            Dict from name to int, see `checksum`.
        """
        return {spec.name: checksum(images_of(spec, "train", self)) for spec in _checked(specs)}

    def class_names(self, specs):
        """Returns what the classes of every task are called, a dict from name to a list of str."""
        return {spec.name: spec.class_names(self.data_dir) for spec in _checked(specs)}

    def class_counts(self, specs):
        """Returns the number of training images of every class, a dict from name to a list of int.

        The images are those of `training_batches`: decoded once, or not at all for this.
        """
        return {
            spec.name: np.bincount(
                images_of(spec, "train", self).labels, minlength=spec.num_classes
            ).tolist()
            for spec in _checked(specs)
        }

    def training_batches(self, specs, seed, start_step=0):
        """Returns endless batches with images of every task (see `task_batches`).

        Args:
            specs: sequence of `TaskSpec`, each name once, at least one.
            seed: int >= 0. Tasks get different streams from it.
            start_step: int >= 0. Batches to leave out, for a run that goes on.

        Returns:
            Infinite `tf.data.Dataset` of `{name: (images, labels)}`.
        """
        sizes = self.batch_sizes(_checked(specs))
        return tf.data.Dataset.zip(
            {
                spec.name: self.task_batches(spec, sizes[spec.name], seed, start_step)
                for spec in specs
            }
        )

    def task_batches(self, spec, batch_size, seed, start_step=0):
        """Returns the shuffled, augmented and endless training batches of one task.

        The batch of a step depends on the seed, the task's name and the step alone.

        Args:
            spec: `TaskSpec`.
            batch_size: int >= 1.
            seed: int >= 0.
            start_step: int >= 0. Batches to leave out.

        Returns:
            Infinite `tf.data.Dataset` of `(images, labels)`, of shape
            `(batch_size, height, width, channels)` and `(batch_size,)`.

        Raises:
            ValueError: if `crop_pad` is not below the size of the images.
        """
        if spec.pad is None and spec.augment == "crop":
            # Four pixels for images of 32 are the custom; others are cropped in proportion.
            side = min(spec.image_shape[:2])
            pad = side // 8 if self.crop_pad is None else self.crop_pad
            if pad >= side:
                raise ValueError(
                    f"`crop_pad` must be below the {side} pixels of '{spec.name}'. "
                    f"Received: crop_pad={pad}"
                )
            spec = dataclasses.replace(spec, pad=pad)
        return training_stream(spec, images_of(spec, "train", self), batch_size, seed, start_step)

    def evaluation_batches(self, specs, split):
        """Returns every image of every task exactly once, in order.

        Tasks run side by side. When a shorter one has ended, its batches are empty, with 0 images,
        until the longest ends.

        Args:
            specs: sequence of `TaskSpec`, each name once, at least one.
            split: `"train"`, `"validation"` or `"test"`.

        Returns:
            Finite `tf.data.Dataset` of `{name: (images, labels)}`, of known cardinality.
        """
        return side_by_side(
            {spec.name: self.split_batches(spec, split) for spec in _checked(specs)}
        )

    def split_batches(self, spec, split, batch_size=None):
        """Returns the images of a split in order, each once; the last batch may be smaller.

        Args:
            spec: `TaskSpec`.
            split: `"train"`, `"validation"` or `"test"`.
            batch_size: int >= 1; `None` for `eval_batch_size`.

        Returns:
            Finite `tf.data.Dataset` of `(images, labels)`, of shape
            `(batch, height, width, channels)` and `(batch,)`.
        """
        size = self.eval_batch_size if batch_size is None else batch_size
        return batches_in_order(images_of(spec, split, self), size)

    def sample_images(self, spec, count):
        """Returns images of a task that the training did not see, spread over all of them.

        They are validation images, or test images where none were held out for validation.

        Args:
            spec: `TaskSpec`.
            count: int >= 1, how many at most.

        Returns:
            uint8 array `(images, height, width, channels)`.
        """
        split = "validation" if self.validation_share else "test"
        as_needed = read_as_needed(spec, split, self)
        images = stream_of(spec, split, self) if as_needed is None else as_needed
        # A split may be ordered by class, so that its first images would be of a single one. No
        # more than the sample is kept in memory.
        every = max(1, len(images) // count)
        if as_needed is not None:
            sample, _ = as_needed.take(np.arange(0, len(images), every)[:count])
            return sample.numpy()
        sample = images.shard(every, 0).take(count).as_numpy_iterator()
        return np.stack([image for image, _ in sample])


def _checked(specs):
    names = [spec.name for spec in specs]
    if not names or len(set(names)) != len(names):
        raise ValueError(
            f"`specs` must hold at least one task, each name once. Received: specs={names}"
        )
    return specs
