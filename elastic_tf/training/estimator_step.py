"""What an estimator step trains: the model of each image, and the loss."""

import typing

import numpy as np
import tensorflow as tf

from elastic_tf import replicas
from elastic_tf.policies.sampling import greedy, quotas, randomly_priced, sampled
from elastic_tf.training.metrics import cross_entropy, weighted_mean
from elastic_tf.training.stages import INITIAL

# Which models the estimator trains before there is a selector: the paper's, most of them full and
# the others uniform; and those of its two ablations, all of them uniform, or the untrained
# selector's own. Ahn et al., 2019, section 3.2 and supplement section 2.
INITIAL_DISTRIBUTIONS = ("proposed", "random", "uniform")


class StepModels(typing.NamedTuple):
    """The models of an estimator step.

    Attributes:
        levels: int32 `(rows, blocks)`: a model for each image of the batch, then the full model for
            the first of them, which the teacher sees.
        sizes: how many rows of each block have each level, see `plan_routes`; `None` where they are
            not known.
        teachers: int, or int32 scalar tensor, how many of all devices' images the teacher sees.
    """

    levels: tf.Tensor
    sizes: list | tf.Tensor | None
    teachers: int | tf.Tensor = 0


def needs_scores(method, kind):
    """Returns whether the selector's scores decide models in a stage of this kind, a bool."""
    return method.initial_distribution == "random" or (kind != INITIAL and method.initial_mix < 1)


def step_models(method, kind, batch_size, size, scores, block_shares, seed, turn):
    """Returns the `StepModels` of an estimator step, those of all devices as one batch.

    A share `smallest_share` is the cheapest model. In the initial stage the others come from the
    initial distribution. In the alternation a share `initial_mix` of them does, and the selector
    picks the rest, a share `priced_mix` of that at prices of MACs drawn for each image.

    Args:
        method: a `MethodSettings`.
        kind: int, `INITIAL` or `ESTIMATOR`.
        batch_size: int, or int32 scalar tensor.
        size: pair of ints, blocks and levels.
        scores: float32 tensor `(batch, blocks, levels)`, the selector's; `None` where there is no
            need of them.
        block_shares: float array `(blocks, levels)`, see `CostTable`.
        seed: int tensor `(2,)`.
        turn: int scalar tensor, the step.
    """
    smallest = _share(method.smallest_share, batch_size) if method.smallest_share else 0
    others = batch_size - smallest
    scores = None if scores is None else scores[:others]
    if kind == INITIAL:
        levels, sizes = _initial(method, others, size, scores, seed, turn)
    else:
        levels, sizes = _mixed(method, others, size, scores, block_shares, seed, turn), None
    levels, sizes = _with_level(levels, sizes, smallest, 0, size)
    teachers = _share(method.teacher_share, batch_size) if method.distillation_weight else 0
    return StepModels(*_with_level(levels, sizes, teachers, size[1] - 1, size), teachers)


def own_models(models, batch_size):
    """Returns the part of `StepModels` that is of this replica's images, `StepModels` too.

    Args:
        models: of the whole batch.
        batch_size: int, images of each replica.
    """
    if replicas.count() == 1:
        return models
    first, whole = replicas.index() * batch_size, replicas.count() * batch_size
    ends = (min(end, models.teachers) for end in (first, first + batch_size))
    start, stop = (whole + end for end in ends)
    own = models.levels[first : first + batch_size], models.levels[start:stop]
    return StepModels(tf.concat(own, axis=0), None, models.teachers)


def _initial(method, batch_size, size, scores, seed, turn):
    if method.initial_distribution == "random":
        return sampled(scores, seed), None
    # With distillation images run on the full model anyway.
    is_drawn = method.initial_distribution == "uniform" or method.distillation_weight
    full = 0 if is_drawn else _share(method.full_share, batch_size)
    levels, sizes = quotas(batch_size - full, *size, seed, turn)
    return _with_level(levels, sizes, full, size[1] - 1, size, first=True)


def _mixed(method, batch_size, size, scores, block_shares, seed, turn):
    drawn = _share(method.initial_mix, batch_size)
    levels = []
    if not isinstance(drawn, int) or drawn:
        of_drawn = None if scores is None else scores[:drawn]
        levels.append(_initial(method, drawn, size, of_drawn, seed, turn)[0])
    if method.initial_mix < 1:
        levels.append(_chosen(method, scores[drawn:], block_shares, seed))
    return tf.concat(levels, axis=0)


def _chosen(method, scores, block_shares, seed):
    sample_seed, coin_seed, price_seed = (tf.random.fold_in(seed, i) for i in range(1, 4))
    greedily = method.estimator_choice == "greedy"
    chosen = greedy(scores) if greedily else sampled(scores, sample_seed)
    if not method.priced_mix:
        return chosen
    prices = randomly_priced(scores, block_shares, price_seed)
    coins = tf.random.stateless_uniform([tf.shape(scores)[0], 1], coin_seed)
    return tf.where(coins < method.priced_mix, sampled(prices, sample_seed), chosen)


def _share(share, batch_size):
    """Returns how many images a share is, an int where the batch size is one."""
    if isinstance(batch_size, int):
        return round(share * batch_size)
    return tf.cast(tf.round(share * tf.cast(batch_size, tf.float32)), tf.int32)


def _with_level(levels, sizes, count, level, size, first=False):
    """Returns levels with `count` models more, of one level everywhere; and their sizes.

    They come behind the others, or first.
    """
    if isinstance(count, int) and not count:
        return levels, sizes
    num_blocks, num_levels = size
    same = tf.fill([count, num_blocks], level)
    levels = tf.concat([same, levels] if first else [levels, same], axis=0)
    if sizes is None:
        return levels, None
    more = np.eye(num_levels, dtype=np.int32)[level] * count
    if isinstance(sizes, list):
        return levels, [(of_block + more).tolist() for of_block in np.array(sizes)]
    return levels, sizes + more


class EstimatorLoss(typing.NamedTuple):
    """What an estimator step on one batch comes to.

    Attributes:
        loss: float32 scalar, to be minimised; 0 for an empty batch.
        cross_entropy: float32 `(batch,)`, of the models in use, nats; without smoothing.
        logits: float32 `(batch, classes)`, of the models in use.
    """

    loss: tf.Tensor
    cross_entropy: tf.Tensor
    logits: tf.Tensor


def estimator_loss(
    logits,
    labels,
    distillation_weight=0.0,
    weights=None,
    label_smoothing=0.0,
    unsure_weight=0.0,
    teachers=None,
):
    """Returns the loss of an estimator step from the logits of its `StepModels`.

    With distillation a share of the images run on the full model too, which learns from the
    labels, and its soft answers teach the other models of these images. All are rows of one batch,
    so that one set of moments fits all, as one set of averages has to in inference. The loss is
    `mean(CE(full)) + mean((1 - w) * CE(model) + w * CE(model, full's answer))`, without the weight
    for the images that have no teacher.

    Args:
        logits: float32 tensor `(rows, classes)`: of the models of all images, then of the full
            model on the first of them.
        labels: int tensor `(batch,)`.
        distillation_weight: float in [0, 1].
        weights: float32 tensor `(batch,)`, as how many images each counts; `None` for 1 each.
        label_smoothing: float in [0, 1), of every `CE` with labels; not of that with an answer.
        unsure_weight: float >= 0. How much more an image counts in `CE(full)` the less probable its
            class is by its model, in proportion to `1 + unsure_weight * (1 - p)`; 1 in the mean.
        teachers: int, or int32 scalar tensor, how many images run on the full model too, on all
            devices. Defaults to `None`: as many as there are logits of it here.

    Returns:
        An `EstimatorLoss`.

    Reference: Yu and Huang, 2019 (arXiv 1903.05134), in-place distillation; Han et al., 2022
        (arXiv 2209.08310), images weighted for a network of several exits.
    """
    batch = labels.shape[0] if labels.shape[0] is not None else tf.shape(labels)[0]
    logits, full = logits[:batch], logits[batch:]
    losses = cross_entropy(labels, logits)
    smoothed = cross_entropy(labels, logits, label_smoothing) if label_smoothing else losses
    of_model = weighted_mean(smoothed, weights)
    own = tf.shape(full)[0] if full.shape[0] is None else full.shape[0]
    teachers = own if teachers is None else teachers
    if isinstance(teachers, int) and not teachers:
        return EstimatorLoss(of_model, losses, logits)
    if weights is not None:
        weights = weights[:own]
    answers = tf.stop_gradient(tf.nn.softmax(full))
    taught = tf.nn.softmax_cross_entropy_with_logits(answers, logits[:own])
    # Of the teachers' share of the images, in place of as much of their loss.
    share = tf.math.divide_no_nan(tf.cast(own, tf.float32), tf.cast(batch, tf.float32))
    shift = distillation_weight * weighted_mean(taught - smoothed[:own], weights)
    if unsure_weight:
        missed = tf.stop_gradient(1 + unsure_weight * (1 - tf.exp(-losses[:own])))
        of_all = replicas.total(tf.reduce_sum(missed))
        missed = tf.math.divide_no_nan(missed * tf.cast(teachers, tf.float32), of_all)
        weights = missed if weights is None else missed * weights
    of_full = weighted_mean(cross_entropy(labels[:own], full, label_smoothing), weights)
    if replicas.count() > 1:  # Whose mean is taken, and some have more teachers.
        of_full *= replicas.count() * own / teachers
    return EstimatorLoss(of_full + of_model + share * shift, losses, logits)
