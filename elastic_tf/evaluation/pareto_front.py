"""What several networks, or several models of one, offer at every cost."""

import numpy as np


def pareto_front(points):
    """Returns the points that no other point beats: by cost, by accuracy, or both.

    Args:
        points: sequence of `(cost, accuracy)`, floats.

    Returns:
        List of int, the indices of those points by rising cost; of equal points the first.
    """
    front, best = [], -np.inf
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    for index in order:
        if points[index][1] > best:
            front.append(index)
            best = points[index][1]
    return front


def hypervolume(points, max_cost=1.0):
    """Returns the area below the front, from cost 0 to `max_cost`.

    It is the integral of the best accuracy that a cost allows; where it allows no point, that is 0.

    Args:
        points: sequence of `(cost, accuracy)`, floats >= 0.
        max_cost: float > 0. What costs more does not count. Defaults to 1.

    Returns:
        float; in [0, 1] for shares.

    Reference: Zitzler and Thiele, 1999, "Multiobjective evolutionary algorithms".
    """
    front = [points[index] for index in pareto_front(points) if points[index][0] < max_cost]
    ends = [cost for cost, _ in front[1:]] + [max_cost] * bool(front)
    widths = [end - cost for (cost, _), end in zip(front, ends, strict=True)]
    return float(sum(width * accuracy for width, (_, accuracy) in zip(widths, front, strict=True)))


def accuracy_at(points, cost):
    """Returns the accuracy that a mean cost allows, by a mixture of two points at most.

    Between two points of the front the accuracy is linear: that of giving each image one of the two
    models at random. Above the front it is that of its last point.

    Args:
        points: sequence of `(cost, accuracy)`, floats; at least one.
        cost: float.

    Returns:
        float; `-inf` where no point is as cheap.
    """
    front = [points[index] for index in pareto_front(points)]
    costs, accuracies = zip(*front, strict=True)
    return float(np.interp(cost, costs, accuracies, left=-np.inf))
