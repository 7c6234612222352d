"""What a choice per image could gain on a trained network, whoever makes it: bounds."""

import numpy as np

from elastic_tf.evaluation.fixed_front import FixedFront, search_front
from elastic_tf.evaluation.paired_gain import paired_gain
from elastic_tf.evaluation.task_evaluation import BUDGETS
from elastic_tf.layers.level_scores import confidence_features

# Of the full model's MACs: the cheap model whose features and answer are looked at.
_CHEAP = 1 / 3
# Of a linear prediction, as multiples of the number of images.
_PENALTIES = 10.0 ** np.arange(-5, 3)
# No price of MACs is higher, nats for those of the full model.
_HIGHEST_PRICE = 1e4


def choice_bounds(answers, task, evaluations, training_batches=None, budgets=BUDGETS):
    """Measures what choosing by all that can be known at some place would gain.

    For each image one of the fixed models at the corners of the front is chosen: that of the least
    cross-entropy plus a price of its MACs; at a price of 0 that may cost less than a budget. The
    cross-entropies are the true ones, of which no choice can know more; or are predicted, linearly,
    on validation images from what is seen: pooled features of a cheap model's trunk up to the entry
    of a stage, or how sure that model is of its answer. What seeing costs is not charged, so a
    choice that is made there comes to less.

    Args:
        answers: `AnswersBySplit` of a network.
        task: str.
        evaluations: int >= 1, fixed models to try, see `search_front`.
        training_batches: see `FixedFront`. Defaults to `None`.
        budgets: sequence of floats in (0, 1], mean shares of MACs.

    Returns:
        Dict of plain Python values: `cheap`, a dict of `levels` and `macs_share`; `budgets`, a list
        of dicts of `budget`, `front`, the accuracy of fixed models and their mixtures there, and
        `seen`, a dict from what is seen (`labels`, `stage_1` ..., `answer`) to a dict of
        `macs_share`, `accuracy` and `gain_over_front`, see `paired_gain`. Images are those of test.

    Reference: Bolukbasi et al., 2017, "Adaptive neural networks for efficient inference" (arXiv
        1702.07811), for a choice by predicted loss.
    """
    held_out, test = answers.on(task, "validation"), answers.on(task, "test")
    tried = search_front(held_out, evaluations)
    fixed = FixedFront(tried, test, training_batches)
    front, menu = fixed.mixtures, fixed.corners
    shares = np.array([model["macs_share"] for model in menu])
    cheap = menu[np.argmin(np.abs(shares - _CHEAP))]
    (known, _), (losses, right) = (_losses(of, menu) for of in (held_out, test))
    predicted = {"labels": losses}
    for name, (inputs, others) in _sights(held_out, test, cheap["levels"]).items():
        predicted[name] = fit_linear(inputs, known)(others)
    points = []
    for budget in budgets:
        seen = {
            name: _at_budget(of, shares, right, front, budget) for name, of in predicted.items()
        }
        accuracy = float(np.mean(front.right_at(budget)))
        points.append({"budget": budget, "front": accuracy, "seen": seen})
    return {"cheap": {key: cheap[key] for key in ("levels", "macs_share")}, "budgets": points}


def _losses(answers, menu):
    """Returns cross-entropies, nats, and which answers are right, both `(images, models)`."""
    losses, right = [], []
    for model in menu:
        logits = np.asarray(answers.class_logits(model["levels"]), np.float64)
        logits -= logits.max(axis=-1, keepdims=True)
        own = np.take_along_axis(logits, answers.labels[:, np.newaxis], axis=-1)[:, 0]
        losses.append(np.log(np.exp(logits).sum(axis=-1)) - own)
        right.append(logits.argmax(axis=-1) == answers.labels)
    return np.stack(losses, axis=1), np.stack(right, axis=1)


def _sights(held_out, test, levels):
    """Returns what a choice may see, by name, on both sets of images, `(images, features)` each."""
    sights = {}
    stages = [of.stage_features(levels) for of in (held_out, test)]
    for count in range(1, len(stages[0]) + 1):
        sights[f"stage_{count}"] = [np.concatenate(of[:count], axis=1) for of in stages]
    sureness = [confidence_features(of.class_logits(levels)).numpy() for of in (held_out, test)]
    sights["answer"] = [np.concatenate([of, of**2], axis=1) for of in sureness]
    return sights


def fit_linear(inputs, targets):
    """Fits a linear prediction, with the ridge penalty that is best when each row is left out.

    Args:
        inputs: float array `(rows, features)`.
        targets: float array `(rows, outputs)`.

    Returns:
        Function from inputs, of any number of rows, to predictions `(rows, outputs)`.

    Reference: Allen, 1974, "The relationship between variable selection and data augmentation and
        a method for prediction", for leaving out by leverage.
    """
    inputs = np.asarray(inputs, np.float64)
    mean, scale, offset = inputs.mean(axis=0), inputs.std(axis=0) + 1e-9, targets.mean(axis=0)
    left, values, right = np.linalg.svd((inputs - mean) / scale, full_matrices=False)
    along = left.T @ (targets - offset)

    def error(penalty):
        shares = values**2 / (values**2 + penalty)
        missed = targets - offset - (left * shares) @ along
        leverage = 1 / len(inputs) + left**2 @ shares
        return np.mean((missed / (1 - leverage)[:, np.newaxis]) ** 2)

    penalty = min(_PENALTIES * len(inputs), key=error)
    weights = right.T @ ((values / (values**2 + penalty))[:, np.newaxis] * along)
    return lambda others: (others - mean) / scale @ weights + offset


def _at_budget(losses, shares, right, front, budget):
    """Returns what the models of the least loss plus price come to, priced to the budget."""

    def chosen(price):
        return np.argmin(losses + price * shares, axis=1)

    low, high = 0.0, _HIGHEST_PRICE
    for _ in range(60):
        price = (low + high) / 2
        is_dear = shares[chosen(price)].mean() > budget
        low, high = (price, high) if is_dear else (low, price)
    models = chosen(high)
    macs_share = float(shares[models].mean())
    ours = right[np.arange(len(models)), models]
    gain = paired_gain(ours, front.right_at(macs_share))
    return {"macs_share": macs_share, "accuracy": float(ours.mean()), "gain_over_front": gain}
