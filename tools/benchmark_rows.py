"""What the benchmark measures: prediction, training steps and the input pipeline."""

import dataclasses
import functools
import time

from elastic_tf_tools.benchmark_subject import OPTIMIZERS, SCHEDULES
from elastic_tf_tools.timing import Candidate

import keras
import numpy as np
import tensorflow as tf

import elastic_tf
from elastic_tf.models.network_settings import NETWORK, NONE, TRUNK
from elastic_tf.models.no_selector import SHOWN_BUDGET
from elastic_tf.training.estimator_step import needs_scores, step_models
from elastic_tf.training.stages import ESTIMATOR, INITIAL, SELECTOR

# An update of the estimator by itself, every image on one model.
_BARE = {"distillation_weight": 0.0, "guess_weight": 0.0, "priced_mix": 0.0}
_MOST_STEPS = 200


def inference_candidates(subject, batch_size):
    """Returns what predicts at one batch size, a dict of `Candidate`s, `dense` first.

    All get the same uint8 images and give their result to the host.

    Args:
        subject: a `Subject`.
        batch_size: int >= 1.
    """
    network, task = subject.network, subject.task
    images, _ = subject.batch(batch_size)
    drawn = subject.random_levels(batch_size)
    uniform = [
        tf.fill((batch_size, network.num_blocks), level) for level in range(network.num_levels)
    ]
    frozen = elastic_tf.FrozenNetwork(network, task)
    at_levels = tf.function(frozen.estimator)
    candidates = {}

    def add(name, function, levels, *arguments):
        share = subject.macs_share(levels, with_selector=name == "elastic_selected")
        candidates[name] = Candidate(_runner(function, images, *arguments), share)

    for level in reversed(range(network.num_levels)):  # So that `dense` is the first.
        predict = functools.partial(_standalone_model(subject, level), training=False)
        name = standalone_name(level, network.num_levels)
        add(name, predict, uniform[level])
        if name == "dense" and tf.config.list_physical_devices("GPU"):
            add("dense_jit", tf.function(predict, jit_compile=True), uniform[level])
    if network.dtype_policy.name != "float32":
        predict = functools.partial(
            _standalone_model(subject, network.num_levels - 1, "float32"), training=False
        )
        add("dense_float32", predict, uniform[-1])
    # As the paper's program runs it, at full width whatever the levels; and as it trains.
    add("masked", functools.partial(_masked(network.estimator), task=task), uniform[-1], drawn)
    training_path = functools.partial(network.estimator, task=task)
    add("elastic_training_path_random", training_path, drawn, drawn)
    # Levels are an argument, not a constant, or the graph would be cut down to one model.
    for level, levels in enumerate(uniform):
        add(f"elastic_level_{level}", at_levels, levels, levels)
    add("elastic_random", at_levels, drawn, drawn)
    # What freezing alone buys, without any choice of levels.
    add("dense_frozen", frozen.estimator, uniform[-1])
    in_trunk, chooses = network.selector_kind == TRUNK, network.selector_kind != NONE
    if chooses and (subject.is_trained or in_trunk):
        chosen = frozen.select_levels(images)
        add("elastic_selected", lambda images: frozen(images)["logits"], chosen)
        if in_trunk:  # It does nothing by itself; the same levels given say what choosing takes.
            add("elastic_given", at_levels, chosen, chosen)
    if subject.is_trained and task in network.second_looks:
        candidates |= _second_looks(subject, frozen, images)
    if network.selector_kind == NETWORK:
        select = _runner(frozen.select_levels, images)
        candidates["selector"] = Candidate(select, _selector_share(subject))
    return candidates


def _second_looks(subject, frozen, images):
    """Returns `Candidate`s of a second look of as many MACs as the choice for all images there are.

    Without a selector it is at `SHOWN_BUDGET`. One is as it is set; the other has every image seen
    twice, which is the longest it takes.
    """
    network, task = subject.network, subject.task
    budget = SHOWN_BUDGET
    if network.selector_kind != NONE:
        chosen = frozen.select_levels(tf.constant(subject.images))
        budget = min(1.0, subject.macs_share(chosen, with_selector=True))
    look, table = network.second_look(task, budget), network.cost_table(task)
    found = {}
    for name, each in (
        ("elastic_second_look", look),
        ("elastic_seen_twice", dataclasses.replace(look, threshold=2.0)),
    ):
        run = functools.partial(frozen.estimator.look_twice, look=each)
        share = float(np.mean(each.macs_share(table, run(images)["seen_twice"])))
        found[name] = Candidate(
            _runner(lambda images, run=run: run(images)["logits"], images), share
        )
    return found


def standalone_name(level, num_levels):
    """Returns the row of the standalone model of one level everywhere; the top's is `dense`."""
    return "dense" if level == num_levels - 1 else f"standalone_level_{level}"


def training_candidates(subject, batch_size):
    """Returns training steps at one batch size, a dict of `Candidate`s, `train_dense` first.

    Each trains a network of its own, through `train_function` as `fit` does, on the same batch
    again and again.

    Args:
        subject: a `Subject`.
        batch_size: int >= 1.
    """
    batch = subject.batch(batch_size)
    candidates = {
        "train_dense": _dense_step(subject, batch),
        **_float32_step(subject, batch),
        "train_initial": _estimator_step(subject, batch, INITIAL, **_BARE),
        "train_random": _estimator_step(
            subject, batch, INITIAL, **_BARE, initial_distribution="uniform"
        ),
    }
    # The defaults: the full model teaches random ones, and the selector guesses the class.
    selector_share = _selector_share(subject)
    run, share = _estimator_step(subject, batch, INITIAL)
    candidates["train_distilled"] = Candidate(run, share + selector_share)
    if subject.network.selector_kind == NONE:
        return candidates
    if subject.is_trained:
        candidates["train_selected"] = _estimator_step(
            subject, batch, ESTIMATOR, **_BARE, initial_mix=0.0
        )
    # It always explores, so that its cost does not drift as it trains.
    network = subject.staged_copy(SELECTOR, epsilon_decay=1.0)
    samples = network.method.samples_per_image
    drawn = subject.macs_share(subject.random_levels(samples * batch_size))
    # A backward pass counts as two forward ones; the estimator only runs forward.
    share = selector_share + samples * drawn / 3
    step = Candidate(step_runner(network, {subject.task: batch}), share)
    return candidates | {"train_selector": step}


def _float32_step(subject, batch):
    """Returns the dense row in float32 where the network computes in another type, a dict."""
    if subject.network.dtype_policy.name == "float32":
        return {}
    return {"train_dense_float32": _dense_step(subject, batch, "float32")}


def _dense_step(subject, batch, dtype=None):
    model = _standalone_model(subject, subject.network.num_levels - 1, dtype)
    model.compile(
        optimizer=OPTIMIZERS.make_optimizer(),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    return Candidate(step_runner(model, batch), 1.0)


def _estimator_step(subject, batch, kind, **settings):
    network = subject.staged_copy(kind, **settings)
    size, scores = (network.num_blocks, network.num_levels), None
    if needs_scores(network.method, kind):
        scores, _ = network.score(batch[0], subject.task)
    shares = network.cost_table(subject.task).block_shares
    seed, rows = tf.constant([subject.seed, 0]), len(batch[1])
    models = step_models(network.method, kind, rows, size, scores, shares, seed, turn=0)
    run = step_runner(network, {subject.task: batch})
    return Candidate(run, subject.macs_share(models.levels) * len(models.levels) / rows)


def step_runner(model, batch):
    """Returns a function that takes one training step of a compiled model on the same batch."""
    return _iterator_runner(model, iter(tf.data.Dataset.from_tensors(batch).repeat()))


def input_rows(network, batches, timer):
    """Returns the rows of a training step on one cached batch and on the pipeline's stream.

    Both are steps of the same network in its initial stage. A turn is as many steps as fit the
    time: the pipeline works ahead while it is the other's turn, and one step would find its batch
    waiting however slow the pipeline is. What it has ahead at the start of a turn is still hidden,
    so a pipeline that is too slow shows as a little less slow than it is.

    Args:
        network: a `DeepElasticNetwork`; it is compiled and trained here.
        batches: infinite `tf.data.Dataset` of `{task: (images, labels)}`.
        timer: an `InterleavedTimer`.

    Returns:
        List of `Row`, `input_cached` first, seconds per step; `batch_size` is the images of all
        tasks.
    """
    network.compile(SCHEDULES[INITIAL], optimizers=OPTIMIZERS)
    iterator = iter(batches)
    cached = next(iterator)
    runs = {
        "input_cached": step_runner(network, cached),
        "input_pipeline": _iterator_runner(network, iterator),
    }
    steps = _steps_per_turn(runs["input_cached"], timer)
    candidates = {
        name: Candidate(functools.partial(_repeat, run, steps)) for name, run in runs.items()
    }
    rows = timer.measure(candidates, sum(len(labels) for _, labels in cached.values()))
    return [
        dataclasses.replace(row, seconds=row.seconds / steps, reference=row.reference / steps)
        for row in rows
    ]


def _standalone_model(subject, level, dtype=None):
    """Returns the model of one level in every block, of standard layers; as the network's type."""
    network, levels = subject.network, [level] * subject.network.num_blocks
    dtype = dtype or network.dtype_policy
    return elastic_tf.fixed_network(network.estimator, subject.task, levels, dtype)


def _masked(estimator):
    """Returns the same estimator, which runs at full width and masks channels."""
    masked = elastic_tf.Estimator.from_config(estimator.get_config() | {"execution": "masked"})
    masked.set_weights(estimator.get_weights())
    return masked


def _selector_share(subject):
    table = subject.network.cost_table(subject.task)
    return table.selector_macs / table.full_macs


def _runner(function, *arguments):
    compiled = tf.function(function)

    def run():
        compiled(*arguments).numpy()  # A GPU is waited for; what is copied is small.

    return run


def _iterator_runner(model, iterator):
    model.make_train_function()

    def run():
        logs = model.train_function(iterator)
        # A GPU is waited for: all of the step was queued before this copy.
        tf.nest.flatten(logs)[0].numpy()

    return run


def _steps_per_turn(run, timer):
    """Returns how many steps a turn may have for the rounds to fit the time, an int."""
    run()  # Builds the graph.
    began = time.perf_counter()
    run()
    round_seconds = 2 * (time.perf_counter() - began)
    return min(_MOST_STEPS, max(1, int(timer.seconds / timer.min_rounds / round_seconds)))


def _repeat(run, times):
    for _ in range(times):
        run()
