"""What fixed models and mixtures of them offer at every cost: all that is blind to the image."""

import itertools

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.evaluation.chosen_models import chosen_models
from elastic_tf.evaluation.model_search import ModelSearch
from elastic_tf.models.standalone import fixed_network

# Of the full model's MACs: what the front is searched for at, and is reached by mixtures between.
_SEARCHED = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
# Of the selector's models, how many compete as fixed ones.
_MAX_KNOWN = 20
# Training batches for the running averages of a model on the front.
_BATCHES = 30


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


def envelope(points):
    """Returns the points that no mixture of two others beats: the upper hull, up to its top.

    Args:
        points: sequence of `(cost, accuracy)`, floats.

    Returns:
        List of int, the indices of those points by rising cost and accuracy; of equal points the
        first.

    Reference: Andrew, 1979, "Another efficient algorithm for convex hulls in two dimensions".
    """
    hull = []
    for index in pareto_front(points):
        while len(hull) > 1 and not _is_above(*(points[i] for i in (hull[-2], hull[-1], index))):
            hull.pop()
        hull.append(index)
    return hull


def _is_above(left, point, right):
    """Returns whether a point is above the line between two others."""
    (x0, y0), (x, y), (x1, y1) = left, point, right
    return (y - y0) * (x1 - x0) > (y1 - y0) * (x - x0)


def accuracy_at(points, cost):
    """Returns the accuracy that a mean cost allows, by a mixture of two points at most.

    Between two points of the envelope the accuracy is linear: that of giving each image one of the
    two models at random. Above it, it is that of its last point.

    Args:
        points: sequence of `(cost, accuracy)`, floats; at least one.
        cost: float.

    Returns:
        float; `-inf` where no point is as cheap.
    """
    front = [points[index] for index in envelope(points)]
    costs, accuracies = zip(*front, strict=True)
    return float(np.interp(cost, costs, accuracies, left=-np.inf))


def mixture_weights(costs, cost):
    """Returns how a mean cost is reached by two neighbours of a front.

    Args:
        costs: float array `(models,)`, rising.
        cost: float. Below the first and above the last, it is all on that one.

    Returns:
        float array `(models,)`, the share of the images on each; at most two are above 0.
    """
    return np.array([np.interp(cost, costs, model) for model in np.eye(len(costs))])


class Mixtures:
    """Fixed models on the images of a task, and the mixtures of two of them.

    Args:
        macs_shares: sequence of float, rising: what each costs, a share of the full model's MACs.
        are_right: function from the number of one to a bool array `(images,)`, which images it
            classifies rightly. It is called for those that are needed, once.

    Attributes:
        measured: dict from the numbers of those to these arrays.
    """

    def __init__(self, macs_shares, are_right):
        self.macs_shares = list(macs_shares)
        self.are_right = are_right
        self.measured = {}

    def right_at(self, macs_share):
        """Returns how often each image is classified rightly at mean MACs of exactly so much.

        Args:
            macs_share: float.

        Returns:
            float array `(images,)` in [0, 1], the expectation.
        """
        weights = mixture_weights(self.macs_shares, macs_share)
        used = np.flatnonzero(weights)
        return sum(weights[number] * self.measure(number) for number in used)

    def measure(self, number):
        """Returns which images a model classifies rightly, a bool array `(images,)`."""
        if number not in self.measured:
            self.measured[number] = self.are_right(number)
        return self.measured[number]


def search_front(held_out, evaluations, budget=None, seed=0):
    """Searches for the best fixed models of a network at every cost.

    Every level used everywhere, all models where they are few, those that the selector uses most,
    and an evolution near several costs, see `ModelSearch`.

    Args:
        held_out: `Answers` on images held out of training; what they have answered already is not
            run again.
        evaluations: int >= 1. Models to try.
        budget: float in (0, 1], of the selector's choice. Defaults to `None`, its own choice.
        seed: int. Defaults to 0.

    Returns:
        List of dicts, the models tried, see `ModelSearch.tried`.
    """
    table = held_out.table
    search = ModelSearch(lambda levels: held_out.of_model(levels)[0].mean(), table, seed)
    search.try_uniform(evaluations)
    search.try_all(evaluations)
    for levels in chosen_models(held_out.choose(budget)).models[:_MAX_KNOWN]:
        if len(search.found) < evaluations:
            search.try_model(levels)
    limits = [share * table.full_macs for share in _SEARCHED]
    cheapest = search.macs([0] * table.num_blocks)
    search.run([macs for macs in limits if macs >= cheapest] or [cheapest], evaluations)
    return search.tried()


def nearest(tried, count):
    """Returns the models nearest to the front on held-out images.

    Args:
        tried: see `search_front`.
        count: int >= 1.

    Returns:
        List of dicts, as many of `tried` or all, the nearest first.
    """
    corners = _corners(tried)
    costs = [corner["macs_share"] for corner in corners]
    accuracies = [corner["validation_accuracy"] for corner in corners]

    def gap(model):
        return np.interp(model["macs_share"], costs, accuracies) - model["validation_accuracy"]

    return sorted(tried, key=gap)[:count]


def _corners(tried):
    points = [(model["macs_share"], model["validation_accuracy"]) for model in tried]
    return [tried[index] for index in envelope(points)]


class FixedFront:
    """The best fixed models of a trained network, to be beaten at equal cost.

    Those on the envelope of held-out images are measured on others, each with running averages of
    its own.

    Args:
        tried: models that a search on held-out images has tried, see `search_front`.
        measured: `Answers` on other images.
        training_batches: iterable of `(images, labels)`, shuffled, from its start at every pass;
            `None`, the default, for the averages that the network has.

    Attributes:
        mixtures: `Mixtures` of the corners on the images of `measured`.
    """

    def __init__(self, tried, measured, training_batches=None):
        self._tried, self._measured = tried, measured
        self._training_batches = training_batches
        self._corners = _corners(tried)
        self.mixtures = Mixtures(
            [corner["macs_share"] for corner in self._corners], self._corner_is_right
        )

    @property
    def evaluations(self):
        """int, models tried."""
        return len(self._tried)

    @property
    def corners(self):
        """List of dicts by rising cost: `levels`, `macs_share`, `validation_accuracy`; `accuracy`,
        on the images that are measured, of those that were needed so far."""
        measured = self.mixtures.measured
        return [
            corner | ({"accuracy": float(measured[n].mean())} if n in measured else {})
            for n, corner in enumerate(self._corners)
        ]

    def _corner_is_right(self, number):
        levels = self._corners[number]["levels"]
        if self._training_batches is None:
            return self._measured.of_model(levels)[0]
        network, task = self._measured.network, self._measured.task
        model = fixed_network(network.estimator, task, levels)
        _refresh(model, self._training_batches)
        return self._measured.are_right_by(model)

    def hull(self, count=50):
        """Returns the envelope of the best models on the very images that are measured.

        Stricter than the front: these images choose the models that they are compared with.

        Args:
            count: int >= 1. How many models, those nearest to the front on the held-out images,
                with the averages that the network has; the corners, with their own, come on top.
                Defaults to 50.

        Returns:
            `Mixtures`.
        """
        costs, best = self.mixtures.macs_shares, nearest(self._tried, count)
        models = [(each["macs_share"], self._measured.of_model(each["levels"])[0]) for each in best]
        models += [(cost, self.mixtures.measure(number)) for number, cost in enumerate(costs)]
        hull = [models[index] for index in envelope([(c, right.mean()) for c, right in models])]
        return Mixtures([cost for cost, _ in hull], [right for _, right in hull].__getitem__)


def find_front(answers, task, evaluations, split="test", training_batches=None, budget=None):
    """Searches on the validation images of a task, and returns the `FixedFront` on a split.

    Args:
        answers: `AnswersBySplit` of a network.
        task: str.
        evaluations: int, fixed models to try; with 0 there is no front, and `None` is returned.
        split: str. Defaults to `"test"`.
        training_batches: function from a task to what `FixedFront` takes. Defaults to `None`.
        budget: see `search_front`. Defaults to `None`.
    """
    if not evaluations:
        return None
    tried = search_front(answers.on(task, "validation"), evaluations, budget)
    # Only where they are needed: training images may have to be decoded for them.
    batches = training_batches and training_batches(task)
    return FixedFront(tried, answers.on(task, split), batches)


def _refresh(model, batches):
    """Makes the running averages of a Keras model anew: the means over batches of their moments."""
    norms = [each for each in model.layers if isinstance(each, keras.layers.BatchNormalization)]
    for count, (images, _) in enumerate(itertools.islice(batches, _BATCHES)):
        for norm in norms:
            norm.momentum = count / (count + 1)
        model(tf.cast(images, tf.float32), training=True)
