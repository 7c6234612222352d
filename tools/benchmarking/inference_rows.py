"""Prediction: plain models, the elastic network at every level, and the selector."""

import tensorflow as tf
from elastic_tf_tools.benchmarking.rows import Candidate, measure_rows

from elastic_tf.inference.frozen_network import FrozenNetwork
from elastic_tf.models.estimator import Estimator
from elastic_tf.policies.sampling import fixed_level

DENSE = "dense"


def inference_rows(subject, batch_size, timer):
    """Returns the rows of prediction at one batch size, `dense` first.

    Every candidate gets the same uint8 images and gives its result to the host.

    Args:
        subject: a `Subject`.
        batch_size: int >= 1.
        timer: an `InterleavedTimer`.

    Returns:
        List of `Row`.
    """
    images, _ = subject.batch(batch_size)
    candidates = _plain(subject, images) | _unfrozen(subject, images) | _frozen(subject, images)
    return measure_rows(candidates, batch_size, timer)


def plain_name(level, num_levels):
    """Returns the row of the plain model with a level's widths; the top level's is `dense`."""
    return DENSE if level == num_levels - 1 else f"plain_level_{level}"


def _plain(subject, images):
    num_levels = subject.network.num_levels
    candidates = {}
    for level in reversed(range(num_levels)):  # So that `dense` is the first.
        model = subject.plain_model(level)
        share = subject.macs_share(_uniform_levels(subject, 1, level))
        name = plain_name(level, num_levels)
        candidates[name] = Candidate(_runner(_predictor(model), images), share)
        if name == DENSE and tf.config.list_physical_devices("GPU"):
            compiled = _runner(_predictor(model), images, jit_compile=True)
            candidates["dense_jit"] = Candidate(compiled, share)
    return candidates


def _unfrozen(subject, images):
    """The library's estimator as it trains, and as the paper's program runs it, masked."""
    levels = subject.random_levels(len(images))
    estimator = subject.network.estimator
    masked = Estimator.from_config(estimator.get_config() | {"execution": "masked"})
    masked.set_weights(estimator.get_weights())

    def run(estimator):
        return _runner(
            lambda images, levels: estimator(images, levels=levels, task=subject.task),
            images,
            levels,
        )

    return {
        "masked": Candidate(run(masked), 1.0),  # Full width is what it executes.
        "elastic_training_path_random": Candidate(run(estimator), subject.macs_share(levels)),
    }


def _frozen(subject, images):
    network, size = subject.network, len(images)
    frozen = FrozenNetwork(network, subject.task)
    # Levels are an argument, not a constant, or the graph would be cut down to one model.
    estimator = tf.function(frozen.estimator)
    levels = {
        f"elastic_level_{level}": _uniform_levels(subject, size, level)
        for level in range(network.num_levels)
    }
    levels["elastic_random"] = subject.random_levels(size)
    candidates = {
        name: Candidate(_runner(estimator, images, values), subject.macs_share(values))
        for name, values in levels.items()
    }
    # What freezing alone buys, without any choice of levels.
    candidates["dense_frozen"] = Candidate(_runner(frozen.estimator, images), 1.0)
    if subject.is_trained:
        chosen = frozen.select_levels(images)
        share = subject.macs_share(chosen, with_selector=True)
        run = _runner(lambda images: frozen(images)["logits"], images)
        candidates["elastic_selected"] = Candidate(run, share)
    table = network.cost_table(subject.task)
    share = table.selector_macs / table.full_macs
    candidates["selector"] = Candidate(_runner(frozen.select_levels, images), share)
    return candidates


def _uniform_levels(subject, size, level):
    return fixed_level(size, subject.network.num_blocks, level)


def _predictor(model):
    return lambda images: model(images, training=False)


def _runner(function, *arguments, **options):
    compiled = tf.function(function, **options)

    def run():
        compiled(*arguments).numpy()  # A GPU is waited for; what is copied is small.

    return run
