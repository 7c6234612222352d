"""The tasks of an export: what their images are, and some of these where they are there."""

import dataclasses

import numpy as np
from elastic_tf_tools.task_flag import check_network_tasks, parse_tasks

import pipelines
from elastic_tf.export.manifest import TaskImages


@dataclasses.dataclass(frozen=True)
class ExportTask:
    """A task of an export.

    Attributes:
        name: str.
        images: `TaskImages`.
        spec: `TaskSpec`, or `None` where the images are not there.
    """

    name: str
    images: TaskImages
    spec: pipelines.TaskSpec | None


def export_tasks(network, names, saved, items=None, data_dir=None):
    """Finds out what is known of tasks, each by itself.

    How images are brought to a task's shape is part of the task's text, and known without them; the
    names of classes of your own images are not, and are numbers where these are missing.

    Args:
        network: the `ElasticNetwork`.
        names: list of str, the tasks wanted.
        saved: dict of the run's flags.
        items: list of str, the value of --tasks, which stands above the run's for the tasks in it;
            `None` if it was not given.
        data_dir: str or path of prepared data sets, or `None`.

    Returns:
        Dict from name to `ExportTask`.

    Raises:
        ValueError: if a task is not known, or its images are not those of the training.
    """
    texts = {_name(task): task for task in parse_tasks(saved["tasks"])}
    given = {_name(task): task for task in (parse_tasks(items) if items else [])}
    others = [name for name in given if name not in network.tasks]
    if others:
        raise ValueError(
            f"`--tasks` must be of {', '.join(network.tasks)}, which the network was trained on. "
            f"Received: {', '.join(others)}"
        )
    texts |= given
    rule = saved.get("on_corrupt_image", "error")
    return {name: _resolve(network, name, texts.get(name), rule, data_dir) for name in names}


def sample_images(spec, count, **source_arguments):
    """Returns images of a task that the training did not see, spread over all of them.

    Args:
        spec: `TaskSpec`.
        count: int >= 1, how many at most.
        **source_arguments: of `pipelines.load_split`. With a `validation_share` of 0, where no
            images were held out, test images are taken.

    Returns:
        uint8 array `(images, *image_shape)`.

    Raises:
        DataNotFoundError: if they are not there.
    """
    split = "validation" if source_arguments["validation_share"] else "test"
    loaded = pipelines.load_split(spec, split, **source_arguments)
    # A split may be ordered by class, so that its first images would be of a single one. No more
    # than the sample is kept in memory.
    every = max(1, loaded.num_examples // count)
    images = loaded.dataset.shard(every, 0).take(count).as_numpy_iterator()
    return np.stack([image for image, _ in images])


def _name(task):
    return task if isinstance(task, str) else task.name


def _resolve(network, name, text, rule, data_dir):
    spec, fit = _spec(name, text, rule)
    numbers = [str(label) for label in range(network.tasks[name]["num_classes"])]
    if spec is None:
        return ExportTask(name, TaskImages(numbers, fit), None)
    check_network_tasks(network, [spec])
    try:
        return ExportTask(name, TaskImages(pipelines.class_names(spec, data_dir), fit), spec)
    except pipelines.DataNotFoundError as error:
        print(f"The classes of {name} have numbers for names: {error}")
        return ExportTask(name, TaskImages(numbers, fit), spec)


def _spec(name, text, rule):
    """Returns the `TaskSpec`, `None` where its images are missing, and how images are fitted."""
    if isinstance(text, pipelines.OwnTask):
        try:
            return text.to_spec(rule), text.fit
        except pipelines.DataNotFoundError as error:
            print(
                f"The classes of {name} have numbers for names, as its images are not where they "
                f"were (--tasks says where they are): {error}"
            )
            return None, text.fit
    if text not in pipelines.task_names():
        raise ValueError(
            f"`--tasks` must say what the images of '{name}' are, which is neither a known task "
            f"nor described in the run's own --tasks. Received: {text}"
        )
    return pipelines.get_task(text), TaskImages.fit
