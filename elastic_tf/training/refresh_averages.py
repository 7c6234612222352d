"""Running averages made anew, for one model or one way of choosing models."""

import itertools

import tensorflow as tf

from elastic_tf.layers.task_batch_norm import pooling
from elastic_tf.models.tasks import check_task
from elastic_tf.settings import check_integer


def refresh_averages(network, batches, task, choose_levels, num_batches):
    """Recomputes a task's running averages for the models that `choose_levels` gives.

    The averages of training are over the models of its last batches. A fixed model, or another
    way of choosing, has features of other mean and variance: it gains by averages of its own, and
    all other choices of models lose by them.

    The estimator runs in training mode, every batch normalised with its own moments. The new mean
    and variance of a channel are those of all its values in all batches, of exactly the images that
    use it; see `PooledMoments`. A channel of fewer than two values keeps its averages. Other tasks'
    averages, all weights and the selector stay as they are; if anything fails, so do this
    task's averages.

    Args:
        network: an `ElasticNetwork`.
        batches: iterable of `(images, labels)`, as in training; labels are not used. Larger
            batches are closer to what inference does.
        task: str.
        choose_levels: function from images `(batch, height, width, channels)` to the levels of
            their models, int tensor `(batch, blocks)`. It runs as a graph.
        num_batches: int >= 1. How many batches to take.

    Raises:
        ValueError: if an argument is out of range, or there are fewer batches.

    Example:

    >>> refresh_averages(model, batches, "digits", lambda x: model.select_levels(x, "digits"), 100)

    Reference: Yu and Huang, 2019 (arXiv 1903.05134), post-statistics of batch normalization.
    """
    check_task(task, network.tasks)
    check_integer("num_batches", num_batches, 1)
    pools = {}

    def collect(images):
        levels = choose_levels(images)
        with pooling(pools):
            network.estimator(images, levels=levels, task=task, training=True)

    collect = tf.function(collect, reduce_retracing=True)
    taken = 0
    for images, _ in itertools.islice(batches, num_batches):
        collect(tf.convert_to_tensor(images))
        taken += 1
    if taken < num_batches:
        raise ValueError(
            f"`batches` must hold at least {num_batches} batches, as `num_batches` says. "
            f"Received: {taken}"
        )
    for (norm, level), pool in pools.items():
        norm.set_averages(task, *pool.result(), level=level)
