"""What the classes of a task are called."""


def class_names(spec, data_dir=None):
    """Returns the names of a task's classes, a list of str in the order of the labels.

    Args:
        spec: `TaskSpec`. A source may have a method `class_names(data_dir)` that returns as many
            str; classes of one without are called by their numbers.
        data_dir: see `load_split`.

    Raises:
        DataNotFoundError: if they are read from disk, and are not there.
        ValueError: if the source has another number of names.
    """
    named = getattr(spec.source, "class_names", None)
    names = list(map(str, named(data_dir) if named else range(spec.num_classes)))
    if len(names) != spec.num_classes:
        raise ValueError(
            f"`spec` of '{spec.name}' must have a source with {spec.num_classes} class names. "
            f"Received: {len(names)}"
        )
    return names
