"""The file beside a model that says what MACs must cost for every task to keep to a budget."""

from elastic_tf_tools.run_directory import read_json, write_json

from elastic_tf.policies.budget import BudgetCalibration


def write_calibrations(path, calibrations):
    """Writes the file, whole or not at all.

    Args:
        path: str or path.
        calibrations: dict from task name to `BudgetCalibration`.
    """
    write_json(path, {task: each.to_dict() for task, each in calibrations.items()})


def read_calibrations(path, tasks, partial=False):
    """Reads the file.

    Args:
        path: path.
        tasks: list of str, the tasks wanted.
        partial: bool, whether tasks may be missing from the file. Defaults to `False`.

    Returns:
        Dict from each of `tasks`, if `partial` of those that are there, to its `BudgetCalibration`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or lacks one of the tasks that must not be missing.
    """
    if not path.exists():
        raise FileNotFoundError(
            f"`--model_dir` must hold a {path.name} for `--budget` or `--budgets`; "
            f"tools/calibrate.py makes it. Received: model_dir={path.parent}, without one"
        )
    values = read_json(path)
    if not isinstance(values, dict):
        raise ValueError(f"{path} must be a dict of tasks. Received: a {type(values).__name__}")
    missing = [task for task in tasks if task not in values]
    if missing and not partial:
        raise ValueError(
            f"{path} must hold the calibration of {', '.join(missing)}; tools/calibrate.py makes "
            f"it anew. Received: the tasks {', '.join(values)}"
        )
    return {task: _read(path, task, values[task]) for task in tasks if task in values}


def _read(path, task, values):
    try:
        return BudgetCalibration.from_dict(values)
    except ValueError as error:
        raise ValueError(f"{path} must hold a calibration of '{task}': {error}") from None
