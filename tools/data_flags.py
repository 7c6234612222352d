"""Flags that say which data to train or evaluate on."""

from absl import flags

import pipelines
from tools.flag_values import parse_per_task

FLAGS = flags.FLAGS

flags.DEFINE_list(
    "tasks",
    ["digits", "fashion_mnist_small"],
    f"Names of the tasks, trained jointly. Known: {', '.join(pipelines.task_names())}.",
)
flags.DEFINE_string(
    "data_dir", None, "Folder of prepared data sets; tfds' own default where left out."
)
flags.DEFINE_bool(
    "download", False, "Whether data sets that are not in --data_dir may be downloaded."
)
flags.DEFINE_string(
    "batch_size",
    "128",
    "Images of each task in a step, >= 1: one number, or one per task (digits=32,cifar10=128).",
)
flags.DEFINE_float(
    "validation_share", 0.1, "Share of the train split held out for validation.", 0.0, 0.5
)
flags.DEFINE_integer("eval_batch_size", 256, "Images of each task in an evaluation batch.", 1)


@flags.validator("tasks", "must name at least one task, each once")
def _tasks_are_different(names):
    return bool(names) and len(set(names)) == len(names)


@flags.validator("batch_size", "must be integers >= 1: N, or task=N,...")
def _batch_size_parses(text):
    return parses(text, int, lambda size: size >= 1)


def parses(text, kind, is_valid):
    """Returns whether a per-task flag value parses and every value in it is valid."""
    try:
        value = parse_per_task(text, kind)
    except ValueError:
        return False
    return all(map(is_valid, value.values() if isinstance(value, dict) else [value]))


def get_tasks():
    """Returns the `TaskSpec`s that the flags name."""
    return pipelines.get_tasks(FLAGS.tasks)


def model_tasks(specs):
    """Returns what the model needs to know of the tasks, as `elastic_tf` takes it."""
    return {
        spec.name: {"image_shape": spec.image_shape, "num_classes": spec.num_classes}
        for spec in specs
    }


def batch_sizes(specs):
    """Returns the batch size of every task, a dict."""
    value = parse_per_task(FLAGS.batch_size, int)
    if not isinstance(value, dict):
        return {spec.name: value for spec in specs}
    if set(value) != {spec.name for spec in specs}:
        raise ValueError(
            f"`--batch_size` must give one number, or one for each of {FLAGS.tasks}. "
            f"Received: batch_size={FLAGS.batch_size}"
        )
    return value


def source_arguments():
    """Returns the keyword arguments that all `pipelines` data sets take."""
    return {
        "data_dir": FLAGS.data_dir,
        "validation_share": FLAGS.validation_share,
        "download": FLAGS.download,
    }
