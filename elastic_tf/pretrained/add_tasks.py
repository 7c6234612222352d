"""A trained elastic network learns further tasks."""

import numpy as np

from elastic_tf.models.tasks import validate_tasks
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork

# Of a task's own: they know its classes, and start anew.
_OF_CLASSES = ("_head/linear/", "_guess/")
# Of the scores, a task's own where it was added: they start as those of all.
_SCORING = ("linear", "confidence")


def add_tasks(network, tasks, selector_kind=None):
    """Returns a network with further tasks, which does on the others what the given one does.

    A new task starts with copies of what the network's first task has: stem (summed over
    colours, or shared by them, where the one is grey and the other is not), running averages,
    offsets and layers of the scores, which are its own from now on. Its linear layers for classes
    are new, that of its head of zeros. Trained with
    `MethodSettings(freeze="trunk", frozen_tasks=...)`, nothing changes for the tasks that there
    were.

    Args:
        network: a `DeepElasticNetwork`. It is left as it is.
        tasks: dict from the names of new tasks to `{"image_shape": (height, width, channels),
            "num_classes": int}`; without any, the network returned is a copy to train on with.
        selector_kind: str, as of `ElasticNetwork`. Of another kind than the network's, the selector
            is new and knows nothing yet. Defaults to the network's.

    Returns:
        A `DeepElasticNetwork`, not compiled; its `step` is 0.

    Raises:
        ValueError: if a task is not usable, or there already.

    Reference: Ahn et al., 2019, section 3: tasks share the trunk.
    """
    tasks = validate_tasks(tasks) if tasks else {}
    known = [name for name in tasks if name in network.tasks]
    if known:
        raise ValueError(
            f"`tasks` must not be of {', '.join(network.tasks)}, which the network has. "
            f"Received: {', '.join(known)}"
        )
    config = network.get_config()
    config |= {"tasks": network.tasks | tasks, "own_scores": [*network.own_scores, *tasks]}
    config["selector_kind"] = selector_kind or network.selector_kind
    grown = DeepElasticNetwork.from_config(config)
    old = {weight.path: weight for part in _parts(network) for weight in part.weights}
    first = next(iter(network.tasks))
    for weight in (weight for part in _parts(grown) for weight in part.weights):
        path = weight.path
        if path not in old and not any(
            f"{new}{own}" in path for new in tasks for own in _OF_CLASSES
        ):
            path = _source(path, tasks, first)
        if path in old:
            weight.assign(_fitted(np.asarray(old[path]), weight.shape))
    for task in tasks:
        grown.estimator.heads[task].forget_classes()
    if grown.selector_kind == network.selector_kind:
        grown.calibrations = dict(network.calibrations)
    grown.second_looks = dict(network.second_looks)
    return grown


def _parts(network):
    return network.estimator, network.selector


def _source(path, tasks, first):
    """Returns the path of what a new task's weight starts as a copy of."""
    for new in tasks:
        for name in _SCORING:
            path = path.replace(f"/{new}_{name}/", f"/{name}/")
        path = path.replace(f"/{new}_", f"/{first}_")
    return path


def _fitted(value, shape):
    """Returns a stem's kernel for images of another number of colours; others as they are."""
    if value.shape == tuple(shape):
        return value
    grey = value.sum(axis=2, keepdims=True)
    return np.repeat(grey / shape[2], shape[2], axis=2)
