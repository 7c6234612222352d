"""The tasks that can be named in flags."""

from pipelines.standard_tasks import STANDARD_TASKS
from pipelines.task_spec import TaskSpec

_TASKS = {}


def register_task(spec):
    """Makes a task known under its name.

    Args:
        spec: `TaskSpec`.

    Raises:
        TypeError: if it is none.
        ValueError: if the name is taken.
    """
    if not isinstance(spec, TaskSpec):
        raise TypeError(f"`spec` must be a TaskSpec. Received: {spec=}")
    if spec.name in _TASKS:
        raise ValueError(
            f"`spec` must have a name that is not taken yet. Received: name={spec.name!r}"
        )
    _TASKS[spec.name] = spec


def task_names():
    """Returns the names of all tasks, a sorted list of str."""
    return sorted(_TASKS)


def get_task(name):
    """Returns the `TaskSpec` of that name.

    Raises:
        ValueError: if there is none; the message lists the known names.
    """
    if name not in _TASKS:
        raise ValueError(f"`name` must be one of {', '.join(task_names())}. Received: {name=}")
    return _TASKS[name]


def get_tasks(names):
    """Returns the `TaskSpec`s of several tasks, a list in the order of `names`.

    Args:
        names: sequence of str, not empty, each name once.

    Raises:
        ValueError: if it is empty, repeats a name or holds an unknown one.
    """
    names = [names] if isinstance(names, str) else list(names)
    if not names or len(set(names)) != len(names):
        raise ValueError(f"`names` must hold at least one task, each once. Received: {names=}")
    return [get_task(name) for name in names]


for _spec in STANDARD_TASKS:
    register_task(_spec)
