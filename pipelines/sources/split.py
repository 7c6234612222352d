"""One split of a task's images, as every source returns it."""

import dataclasses

import tensorflow as tf

SPLITS = ("train", "validation", "test")
MAX_VALIDATION_SHARE = 0.5


@dataclasses.dataclass(frozen=True)
class Split:
    """Images with labels, in a fixed order.

    Args:
        dataset: finite `tf.data.Dataset` of `(image, label)`: uint8 `(height, width, channels)` in
            [0, 255], and int32 `()`. It is not batched, and every pass gives the same order.
        num_examples: int >= 1. How many pairs it gives.

    Raises:
        ValueError: if there is no example, or the data set knows of another number.
    """

    dataset: tf.data.Dataset
    num_examples: int

    def __post_init__(self):
        if self.num_examples < 1:
            raise ValueError(
                f"`num_examples` must be at least 1. Received: num_examples={self.num_examples}"
            )
        cardinality = int(self.dataset.cardinality())
        if cardinality != self.num_examples:
            raise ValueError(
                f"`dataset` must give `num_examples` = {self.num_examples} examples. "
                f"Received: cardinality={cardinality}"
            )


def check_split(split, validation_share):
    """Checks the arguments that all sources share.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        validation_share: float in [0, 0.5]. Share of the official train split that is held out.
            With 0 there is no validation split.

    Raises:
        ValueError: if one is out of range, or the validation split is asked for and empty.
    """
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {', '.join(SPLITS)}. Received: {split=}")
    if not 0 <= validation_share <= MAX_VALIDATION_SHARE:
        raise ValueError(
            f"`validation_share` must be in [0, {MAX_VALIDATION_SHARE}]. "
            f"Received: {validation_share=}"
        )
    if split == "validation" and not validation_share:
        raise ValueError(
            "`validation_share` must be above 0 for there to be a validation split. "
            f"Received: {validation_share=}"
        )
