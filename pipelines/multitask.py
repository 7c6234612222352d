"""Batches of several tasks side by side."""

import tensorflow as tf

from pipelines.input_pipeline import eval_dataset, load_split, train_dataset


def training_batches(
    tasks,
    batch_sizes,
    seed,
    data_dir=None,
    validation_share=0.1,
    start_step=0,
    cache_dir=None,
    download=False,
):
    """Returns endless batches with images of every task (see `train_dataset`).

    Args:
        tasks: sequence of `TaskSpec`, each name once, at least one.
        batch_sizes: int >= 1 for all tasks, or dict from the name of every task to its own.
        seed: int >= 0. Tasks get different streams from it.
        data_dir: str or path of the folder of prepared data sets; `None` for the default of tfds.
        validation_share: float in [0, 0.5]. Share of train held out for validation.
        start_step: int >= 0. Batches to leave out, for a run that goes on.
        cache_dir: str or path of an existing folder for the decoded images; `None` for memory.
        download: bool. Whether absent data sets may be downloaded.

    Returns:
        Infinite `tf.data.Dataset` of `{name: (images, labels)}`.

    Raises:
        DataNotFoundError: if images are absent or damaged.
        ValueError: if an argument is out of range.
    """
    tasks = _check_tasks(tasks)
    sizes = _sizes_by_name(tasks, batch_sizes)
    by_name = {
        spec.name: train_dataset(
            spec,
            sizes[spec.name],
            seed,
            data_dir=data_dir,
            validation_share=validation_share,
            start_step=start_step,
            cache_dir=cache_dir,
            download=download,
        )
        for spec in tasks
    }
    return tf.data.Dataset.zip(by_name)


def evaluation_batches(
    tasks,
    split,
    batch_size,
    data_dir=None,
    validation_share=0.1,
    cache_dir=None,
    download=False,
):
    """Returns every image of every task exactly once, in order.

    Tasks run side by side. When a shorter one has ended, its batches are empty, with 0 images,
    until the longest ends.

    Args:
        tasks: sequence of `TaskSpec`, each name once, at least one.
        split: `"train"`, `"validation"` or `"test"`.
        batch_size: int >= 1. Images of each task in a batch.
        data_dir: see `training_batches`.
        validation_share: see `training_batches`.
        cache_dir: see `training_batches`.
        download: see `training_batches`.

    Returns:
        Finite `tf.data.Dataset` of `{name: (images, labels)}`, of known cardinality.

    Raises:
        DataNotFoundError: if images are absent or damaged.
        ValueError: if an argument is out of range.
    """
    tasks = _check_tasks(tasks)
    by_name = {
        spec.name: eval_dataset(
            spec, split, batch_size, data_dir, validation_share, cache_dir, download
        )
        for spec in tasks
    }
    longest = max(int(dataset.cardinality()) for dataset in by_name.values())
    for spec in tasks:
        dataset = by_name[spec.name]
        missing = longest - int(dataset.cardinality())
        by_name[spec.name] = dataset.concatenate(_empty_batches(spec, missing))
    return tf.data.Dataset.zip(by_name)


def num_examples(tasks, split, data_dir=None, validation_share=0.1, download=False):
    """Returns the number of images of every task in a split, a dict from name to int.

    Args, errors: see `evaluation_batches`.
    """
    return {
        spec.name: load_split(spec, split, data_dir, validation_share, download).num_examples
        for spec in _check_tasks(tasks)
    }


def _empty_batches(spec, count):
    images = tf.zeros((0, *spec.image_shape), tf.uint8)
    labels = tf.zeros((0,), tf.int32)
    return tf.data.Dataset.from_tensors((images, labels)).repeat(count)


def _check_tasks(tasks):
    tasks = list(tasks)
    names = [spec.name for spec in tasks]
    if not names or len(set(names)) != len(names):
        raise ValueError(
            f"`tasks` must hold at least one task, each name once. Received: tasks={names}"
        )
    return tasks


def _sizes_by_name(tasks, batch_sizes):
    names = [spec.name for spec in tasks]
    if not isinstance(batch_sizes, dict):
        return dict.fromkeys(names, batch_sizes)
    if set(batch_sizes) != set(names):
        raise ValueError(
            f"`batch_sizes` must give a size for each of {', '.join(names)}, and no other. "
            f"Received: {batch_sizes=}"
        )
    return batch_sizes
