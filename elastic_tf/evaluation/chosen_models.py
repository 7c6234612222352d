"""Which models images were given, what that costs, and what they have in common."""

import dataclasses

import numpy as np
import tensorflow as tf

QUANTILES = {"p50": 50, "p95": 95}


@dataclasses.dataclass(frozen=True)
class ChosenModels:
    """The distinct models among the choices for a set of images, most used first.

    Models used alike often are in the order of their levels.

    Attributes:
        models: int array `(models, blocks)`.
        counts: int array `(models,)`, images on each; it adds up to the number of images.
        model_of_image: int array `(images,)`, the row of each image's model.
    """

    models: np.ndarray
    counts: np.ndarray
    model_of_image: np.ndarray

    @property
    def shares(self):
        """float array `(models,)`, adds up to 1."""
        return self.counts / self.counts.sum()

    def images_on(self, row):
        """Returns the indices of the images on a model, in order, int array."""
        return np.flatnonzero(self.model_of_image == row)


def chosen_models(levels):
    """Counts the models in a set of choices.

    Args:
        levels: int array `(images, blocks)`, at least one image.

    Returns:
        `ChosenModels`.

    Raises:
        ValueError: if there is no image, or the array has another rank.

    Reference: Ahn et al., 2019, supplement, figure 3 (a).
    """
    levels = np.asarray(levels)
    if levels.ndim != 2 or not len(levels):
        raise ValueError(
            f"`levels` must be (images, blocks), with an image. Received: shape={levels.shape}"
        )
    models, rows, counts = np.unique(levels, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return ChosenModels(models[order], counts[order], place[rows.reshape(-1)])


def policy_statistics(levels, macs_share, num_levels, top=10):
    """Describes the models chosen for a set of images.

    Args:
        levels: int array `(images, blocks)`, at least one image.
        macs_share: float array `(images,)`. What each image's model costs.
        num_levels: int.
        top: int >= 1. How many of the most used models count as the top. Defaults to 10.

    Returns:
        Dict of plain Python values.

        | key | value |
        | --- | --- |
        | `distinct_models` | how many different models were chosen |
        | `entropy` | of the distribution of the models, nats: 0 for one model, `log(n)` for n
          models used alike |
        | `top_share` | share of the images on the `top` most used models, in [0, 1] |
        | `top_models` | list of `{"levels": [...], "share": ...}`, most used first |
        | `level_shares` | per block, the share of the images at each level; adds up to 1 |
        | `macs` | `{"mean", "p50", "p95"}` of `macs_share` |
    """
    chosen = chosen_models(levels)
    most_used = zip(chosen.models[:top], chosen.shares[:top], strict=True)
    quantiles = {key: float(np.percentile(macs_share, q)) for key, q in QUANTILES.items()}
    return {
        "distinct_models": len(chosen.models),
        # `+ 0.0`: a single model has no entropy, and not minus no entropy.
        "entropy": float(-np.sum(chosen.shares * np.log(chosen.shares))) + 0.0,
        "top_share": float(chosen.shares[:top].sum()),
        "top_models": [
            {"levels": model.tolist(), "share": float(share)} for model, share in most_used
        ],
        "level_shares": _level_shares(levels, num_levels).tolist(),
        "macs": {"mean": float(np.mean(macs_share)), **quantiles},
    }


def _level_shares(levels, num_levels):
    """Returns the share of the images at each level, `(blocks, levels)`."""
    return (np.asarray(levels)[:, :, np.newaxis] == np.arange(num_levels)).mean(axis=0)


def class_shares(labels, group, num_classes):
    """Compares the classes of a group of images with those of all.

    Args:
        labels: int array `(images,)`, of all.
        group: int array, indices of the images in the group; at least one.
        num_classes: int.

    Returns:
        List of dicts of plain Python values, a class each, in order: `label`; `count` of images in
        the group; `group_share` and `task_share`, of all images in the group and in the task;
        `lift`, their ratio, `None` for a class without images; `z`, by how many standard
        deviations `count` is above what as many images drawn from the task have on average
        (hypergeometric), 0 where every draw has the same.

    Raises:
        ValueError: if the group is empty.
    """
    labels, group = np.asarray(labels), np.asarray(group, int)
    if not group.size:
        raise ValueError("`group` must hold at least one image. Received: none")
    of_task = np.bincount(labels, minlength=num_classes)
    of_group = np.bincount(labels[group], minlength=num_classes)
    images, drawn = len(labels), len(group)
    shares = of_task / images
    variance = drawn * shares * (1 - shares) * (images - drawn) / max(images - 1, 1)
    return [
        {
            "label": label,
            "count": int(of_group[label]),
            "group_share": float(of_group[label] / drawn),
            "task_share": float(shares[label]),
            "lift": float(of_group[label] / drawn / shares[label]) if of_task[label] else None,
            "z": float(_deviation(of_group[label] - drawn * shares[label], variance[label])),
        }
        for label in range(num_classes)
    ]


def _deviation(difference, variance):
    return difference / np.sqrt(variance) if variance > 0 else 0.0


def task_agreement(first, second, num_levels):
    """Compares the choices for two sets of images.

    Of a few hundred images over hundreds of models the overlap comes out low by chance alone;
    that of the levels in each block does not suffer from it.

    Args:
        first, second: int arrays `(images, blocks)` of the same blocks, at least one image each.
        num_levels: int.

    Returns:
        Dict of plain Python values.

        | key | value |
        | --- | --- |
        | `overlap` | `sum over models of min(p, q)`: the share of images that can be paired with
          one of the other task on the same model; 0 for no model in common, 1 for the same
          distribution |
        | `divergence` | Jensen-Shannon, in bits: 0 for the same distribution, 1 for no model in
          common (Lin, 1991) |
        | `shared_models` | how many models both use |
        | `level_overlap` | list, per block, of `sum over levels of min(p, q)` |

    Raises:
        ValueError: if the numbers of blocks differ, or there is no image.
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.ndim != 2 or first.shape[1:] != second.shape[1:] or not len(first) * len(second):
        raise ValueError(
            "`first` and `second` must be (images, blocks), with an image, of the same blocks. "
            f"Received: shapes {first.shape}, {second.shape}"
        )
    _, rows = np.unique(np.concatenate([first, second]), axis=0, return_inverse=True)
    rows = rows.reshape(-1)
    size = int(rows.max()) + 1
    p = np.bincount(rows[: len(first)], minlength=size) / len(first)
    q = np.bincount(rows[len(first) :], minlength=size) / len(second)
    level_shares = [_level_shares(levels, num_levels) for levels in (first, second)]
    return {
        "overlap": float(np.minimum(p, q).sum()),
        "divergence": _entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2,
        "shared_models": int(np.sum((p > 0) & (q > 0))),
        "level_overlap": np.minimum(*level_shares).sum(axis=1).tolist(),
    }


def _entropy(shares):
    """Returns the entropy in bits, a float."""
    shares = shares[shares > 0]
    return float(-np.sum(shares * np.log2(shares)))


@dataclasses.dataclass(frozen=True)
class RoutedImages:
    """The images of one task, in order, each on the model chosen for it.

    Attributes:
        labels: int array `(images,)`.
        classes: int array `(images,)`, the answers.
        full_classes: int array `(images,)`, those of the full model.
        confidence: float32 array `(images,)` in [0, 1], the probability of the answer.
        levels: int array `(images, blocks)`, the models.
        level_probabilities: float32 array `(images, blocks, levels)`, the selector's; each block's
            add up to 1.
        macs_share: float array `(images,)` > 0, of the full model's; selector included.
    """

    labels: np.ndarray
    classes: np.ndarray
    full_classes: np.ndarray
    confidence: np.ndarray
    levels: np.ndarray
    level_probabilities: np.ndarray
    macs_share: np.ndarray

    @property
    def accuracy(self):
        """float in [0, 1]."""
        return float(np.mean(self.classes == self.labels))


def route_images(answers, budget=None):
    """Runs every image of a task on the model that is chosen for it, and on the full model.

    Args:
        answers: `Answers` on the images.
        budget: float in (0, 1], see `Answers.price`; the probabilities of levels are those at its
            price too. Defaults to `None`, the selector's own choice.

    Returns:
        `RoutedImages`.

    Raises:
        ValueError: if the budget is out of range or has no calibration.
    """
    table, levels = answers.table, answers.choose(budget)
    probabilities = tf.nn.softmax(answers.class_logits(levels)).numpy()
    full = answers.class_logits(np.full(table.num_blocks, table.num_levels - 1))
    price = answers.price(budget)
    worth = answers.scores_at(price) - price * np.asarray(table.block_shares)
    return RoutedImages(
        labels=answers.labels,
        classes=probabilities.argmax(axis=-1),
        full_classes=full.argmax(axis=-1),
        confidence=probabilities.max(axis=-1),
        levels=levels,
        level_probabilities=tf.nn.softmax(worth.astype(np.float32)).numpy(),
        macs_share=np.asarray(table.macs(levels), np.float64) / table.full_macs,
    )
