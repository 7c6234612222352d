"""The value of --tasks: names of known tasks, and tasks of the user's own images.

An item `NAME:OPTION=VALUE` starts a task of the user's own, and items `OPTION=VALUE` after it
belong to it; an item without `=` is the name of a known task.
"""

import pipelines

_EXAMPLE = "digits,birds:folder=/data/birds,image_size=48"


def parse_tasks(items):
    """Parses the items of the flag without reading from disk.

    Args:
        items: list of str.

    Returns:
        List in the order of the items: str for a known task, else `pipelines.OwnTask`.

    Raises:
        ValueError: if an item or an option is malformed, repeated or unknown, or a name is taken.
    """
    tasks = []
    for item in items:
        before, is_option, value = item.partition("=")
        name, is_start, option = before.partition(":")
        if is_start:
            if not is_option:
                _refuse("have a value for every option", item)
            tasks.append((name.strip(), {}))
            _add_option(*tasks[-1], option.strip(), value.strip(), item)
        elif is_option:
            if not tasks or isinstance(tasks[-1], str):
                _refuse(f"have options behind the task they belong to, as in {_EXAMPLE}", item)
            _add_option(*tasks[-1], before.strip(), value.strip(), item)
        else:
            tasks.append(item)
    tasks = [task if isinstance(task, str) else _own_task(*task) for task in tasks]
    _check_names(tasks)
    return tasks


def tasks_from_items(items, on_corrupt_image):
    """Returns the `TaskSpec`s of the flag's items, a list in their order.

    Args:
        items: see `parse_tasks`.
        on_corrupt_image: see `pipelines.OwnTask.to_spec`.

    Raises:
        DataNotFoundError: if the user's own images are missing or not as they must be.
        ValueError: see `parse_tasks`; also if a name is not known.
    """
    return [
        pipelines.get_task(task) if isinstance(task, str) else _spec(task, on_corrupt_image)
        for task in parse_tasks(items)
    ]


def check_network_tasks(network, specs):
    """Checks that images are still those that a network was made for.

    Args:
        network: a `DeepElasticNetwork`.
        specs: sequence of `TaskSpec`.

    Raises:
        ValueError: if the network lacks one of the tasks, or has it with other images or classes.
    """
    for spec in specs:
        known = network.tasks.get(spec.name)
        if known is None:
            raise ValueError(
                f"`--tasks` must be of {', '.join(network.tasks)}, which the network was trained "
                f"on. Received: {spec.name}"
            )
        expected = (tuple(known["image_shape"]), known["num_classes"])
        if (spec.image_shape, spec.num_classes) != expected:
            raise ValueError(
                f"`--tasks` must give for '{spec.name}' images {expected[0]} in {expected[1]} "
                f"classes, as in training. Received: {spec.image_shape} in {spec.num_classes}"
            )


def _add_option(name, options, option, value, item):
    if option not in _PARSERS:
        _refuse(f"have for '{name}' options of {', '.join(_PARSERS)}", item)
    if option in options:
        _refuse(f"give `{option}` of '{name}' once", item)
    if not value:
        _refuse(f"give a value for `{option}` of '{name}'", item)
    try:
        options[option] = _PARSERS[option](value)
    except (KeyError, ValueError):
        _refuse(f"give {_KINDS[_PARSERS[option]]} for `{option}` of '{name}'", item)


def _own_task(name, options):
    try:
        return pipelines.OwnTask(name, **options)
    except ValueError as error:
        raise ValueError(f"`--tasks` must be valid for '{name}': {error}") from None


def _spec(task, on_corrupt_image):
    try:
        return task.to_spec(on_corrupt_image)
    except (ValueError, pipelines.DataNotFoundError) as error:
        raise type(error)(f"`--tasks` must be valid for '{task.name}': {error}") from None


def _check_names(tasks):
    names = [task if isinstance(task, str) else task.name for task in tasks]
    if not names or len(set(names)) != len(names):
        _refuse("name at least one task, each once", ",".join(names))
    known = pipelines.task_names()
    for task in tasks:
        if not isinstance(task, str) and task.name in known:
            _refuse("call your own tasks other than the known ones", task.name)


def _parse_bool(text):
    return {"true": True, "false": False}[text.lower()]


def _refuse(expected, received):
    raise ValueError(f"`--tasks` must {expected}. Received: {received}")


_KINDS = {int: "an integer", float: "a number", _parse_bool: "true or false", str: "a text"}
_PARSERS = {
    "folder": str,
    "npz": str,
    "image_size": int,
    "channels": int,
    "flip": _parse_bool,
    "pad": int,
    "fit": str,
    "test_share": float,
}
