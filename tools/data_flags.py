"""Flags that say which data to train or evaluate on."""

import math

from absl import flags
from elastic_tf_tools.flag_values import parse_per_task
from elastic_tf_tools.task_flag import parse_tasks, tasks_from_items

import pipelines

FLAGS = flags.FLAGS

flags.DEFINE_list(
    "tasks",
    ["digits", "fashion_mnist_small"],
    f"Tasks, trained jointly. Known: {', '.join(pipelines.task_names())}. Your own images: "
    "NAME:folder=PATH,image_size=N (a folder per class) or NAME:npz=PATH; more options behind it: "
    "channels=1|3, flip=true|false, pad=N, fit=crop|stretch, test_share=X.",
)
flags.DEFINE_enum(
    "on_corrupt_image",
    "error",
    pipelines.CORRUPT_RULES,
    "What to do with image files of your own that cannot be read: stop, or leave them out.",
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
flags.DEFINE_string(
    "task_weights",
    "equal",
    "How the images of a step, --batch_size for each task on average, are divided: "
    f"{', '.join(pipelines.WEIGHT_RULES)} (to the number of training images), or a weight > 0 per "
    "task (digits=1,cifar10=2.5). Other than equal, --batch_size must be one number.",
)
flags.DEFINE_string(
    "cache_dir", None, "Folder for decoded images while running; in memory where left out."
)
flags.DEFINE_float(
    "validation_share", 0.1, "Share of the train split held out for validation.", 0.0, 0.5
)
flags.DEFINE_integer("eval_batch_size", 256, "Images of each task in an evaluation batch.", 1)


@flags.validator("tasks")
def _tasks_parse(items):
    try:
        parse_tasks(items)
    except ValueError as error:
        raise flags.ValidationError(str(error)) from None
    return True


@flags.validator("batch_size", "must be integers >= 1: N, or task=N,...")
def _batch_size_parses(text):
    return parses(text, int, lambda size: size >= 1)


@flags.validator("task_weights", f"must be {', '.join(pipelines.WEIGHT_RULES)}, or task=W > 0,...")
def _task_weights_parse(text):
    return text in pipelines.WEIGHT_RULES or (
        "=" in text and parses(text, float, lambda weight: 0 < weight < math.inf)
    )


def parses(text, kind, is_valid):
    """Returns whether a per-task flag value parses and every value in it is valid."""
    try:
        value = parse_per_task(text, kind)
    except ValueError:
        return False
    return all(map(is_valid, value.values() if isinstance(value, dict) else [value]))


def get_tasks():
    """Returns the `TaskSpec`s that the flags name."""
    return tasks_from_items(FLAGS.tasks, FLAGS.on_corrupt_image)


def model_tasks(specs):
    """Returns what the model needs to know of the tasks, as `elastic_tf` takes it."""
    return {
        spec.name: {"image_shape": spec.image_shape, "num_classes": spec.num_classes}
        for spec in specs
    }


def batch_sizes(specs):
    """Returns how many images of every task a step has, a dict.

    Raises:
        ValueError: if a flag names other tasks than `specs`, or both flags divide the batch.
    """
    names = [spec.name for spec in specs]
    sizes = _per_task("batch_size", FLAGS.batch_size, int, names)
    if FLAGS.task_weights == "equal":
        return sizes if isinstance(sizes, dict) else dict.fromkeys(names, sizes)
    if isinstance(sizes, dict):
        raise ValueError(
            "`--batch_size` must be one number where `--task_weights` divides the batch. "
            f"Received: batch_size={FLAGS.batch_size}, task_weights={FLAGS.task_weights}"
        )
    return pipelines.divide_batch(sizes * len(names), _weights(specs, names))


def _weights(specs, names):
    if FLAGS.task_weights not in pipelines.WEIGHT_RULES:
        return _per_task("task_weights", FLAGS.task_weights, float, names)
    return pipelines.weights_by_size(FLAGS.task_weights, training_images(specs))


def training_images(specs):
    """Returns the number of training images of every task, a dict from name to int."""
    arguments = source_arguments()
    del arguments["cache_dir"]
    return pipelines.num_examples(specs, "train", **arguments)


def _per_task(flag, text, kind, names):
    value = parse_per_task(text, kind)
    if isinstance(value, dict) and set(value) != set(names):
        raise ValueError(
            f"`--{flag}` must give one number for each of {', '.join(names)}, and for no other. "
            f"Received: {flag}={text}"
        )
    return value


def source_arguments():
    """Returns the keyword arguments that all `pipelines` data sets take."""
    return {
        "data_dir": FLAGS.data_dir,
        "validation_share": FLAGS.validation_share,
        "cache_dir": FLAGS.cache_dir,
        "download": FLAGS.download,
    }
