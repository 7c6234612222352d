"""Models that several tasks choose."""

import dataclasses

from tools.analyzing.model_groups import model_group


@dataclasses.dataclass(frozen=True)
class SharedModel:
    """A model that images of two tasks or more are on.

    Attributes:
        levels: tuple of int, one per block.
        shares: dict from each of these tasks to the share of its images that is, in (0, 1].
    """

    levels: tuple
    shares: dict


def shared_models(routings):
    """Returns the models that are shared, the most shared first.

    How much a model is shared is its share in the task that uses it second most: what it takes for
    two to use it.

    Args:
        routings: list of `TaskRouting`.

    Returns:
        List of `SharedModel`.
    """
    shares = {}
    for routing in routings:
        chosen = routing.chosen
        for levels, share in zip(chosen.models, chosen.shares, strict=True):
            shares.setdefault(tuple(map(int, levels)), {})[routing.task] = float(share)
    shared = [SharedModel(levels, of) for levels, of in shares.items() if len(of) > 1]
    return sorted(shared, key=lambda model: sorted(model.shares.values())[-2], reverse=True)


def shared_groups(routings, top):
    """Returns the models that are shared most, with their images.

    Args:
        routings: list of `TaskRouting`.
        top: int >= 1, models at most.

    Returns:
        List of dicts, one for each model, the most shared first: from each task that uses it to
        the `ModelGroup` of its images there.
    """
    by_task = {routing.task: routing for routing in routings}
    return [
        {
            task: model_group(by_task[task], model.levels, list(model.shares))
            for task in model.shares
        }
        for model in shared_models(routings)[:top]
    ]
