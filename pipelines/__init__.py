"""Input pipelines: tasks by name, and their images as `tf.data` data sets.

They need the packages that `pip install elastic-tf[data]` brings.
"""

from pipelines.data_settings import DataSettings
from pipelines.mixed_set import DISTURBANCES, mixed_set
from pipelines.official_archives import Prepared, prepare_official, prepare_photographs
from pipelines.own_tasks import OwnTask, parse_tasks, tasks_from_items
from pipelines.registry import OFFICIAL_TASKS, get_task, register_task, task_names
from pipelines.sources import (
    DataNotFoundError,
    ReadableImages,
    describe_unreadable,
    find_images,
)
from pipelines.task_spec import TaskSpec, check_network_tasks, network_tasks

__all__ = [
    "DISTURBANCES",
    "DataNotFoundError",
    "DataSettings",
    "OFFICIAL_TASKS",
    "OwnTask",
    "Prepared",
    "ReadableImages",
    "TaskSpec",
    "check_network_tasks",
    "describe_unreadable",
    "get_task",
    "find_images",
    "mixed_set",
    "network_tasks",
    "parse_tasks",
    "prepare_official",
    "prepare_photographs",
    "register_task",
    "task_names",
    "tasks_from_items",
]
