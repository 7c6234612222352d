"""The stems of a network: one for each task, in front of what the tasks share."""

from elastic_tf.layers.task_stem import TaskStem


def make_stems(tasks, filters, trunk_size, momentum):
    """Returns an unbuilt `TaskStem` for each task, a dict by name.

    Args:
        tasks: dict, as `validate_tasks` returns it.
        filters: int. Channels that the stems deliver.
        trunk_size: int, pixels. See `TaskStem`.
        momentum: float in [0, 1), of the running averages.
    """
    return {
        name: TaskStem(
            name,
            filters,
            task["image_shape"],
            trunk_size=trunk_size,
            momentum=momentum,
            name=f"{name}_stem",
        )
        for name, task in tasks.items()
    }
