"""Input pipelines: tasks by name, and their images as `tf.data` data sets."""

from pipelines.augment import random_crop_and_flip
from pipelines.class_names import class_names
from pipelines.input_pipeline import eval_dataset, load_split, train_dataset
from pipelines.multitask import evaluation_batches, num_examples, training_batches
from pipelines.own_tasks import OwnTask
from pipelines.registry import get_task, get_tasks, register_task, task_names
from pipelines.sources import CORRUPT_RULES, DataNotFoundError, Split
from pipelines.task_spec import TaskSpec
from pipelines.task_weights import RULES as WEIGHT_RULES
from pipelines.task_weights import divide_batch, weights_by_size

__all__ = [
    "CORRUPT_RULES",
    "DataNotFoundError",
    "OwnTask",
    "Split",
    "TaskSpec",
    "WEIGHT_RULES",
    "class_names",
    "divide_batch",
    "eval_dataset",
    "evaluation_batches",
    "get_task",
    "get_tasks",
    "load_split",
    "num_examples",
    "random_crop_and_flip",
    "register_task",
    "task_names",
    "train_dataset",
    "training_batches",
    "weights_by_size",
]
