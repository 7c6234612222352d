"""Training: a step of the plain model, and steps of every stage of the elastic network."""

import keras
import tensorflow as tf
from elastic_tf_tools.benchmarking.rows import Candidate, measure_rows

import elastic_tf
from elastic_tf.training.selector_loss import sample_models

# Long enough that no measurement leaves its stage.
_ENDLESS = 10**9
# Speed does not depend on it; a low one keeps the weights finite over many steps on one batch.
_LEARNING_RATE = 1e-3
# An update of the estimator by itself, every image on one model.
_BARE = {"distillation_weight": 0.0, "guess_weight": 0.0, "priced_mix": 0.0}


def training_rows(subject, batch_size, timer):
    """Returns the rows of a training step at one batch size, `train_dense` first.

    Every candidate trains a network of its own, through `train_function` as `fit` does, on the
    same batch again and again.

    Args:
        subject: a `Subject`.
        batch_size: int >= 1.
        timer: an `InterleavedTimer`.

    Returns:
        List of `Row`.
    """
    batch = subject.batch(batch_size)
    candidates = {
        "train_dense": Candidate(step_runner(_dense(subject), batch), 1.0),
        "train_initial": _initial(subject, batch, elastic_tf.MethodSettings(**_BARE)),
        "train_random": _initial(
            subject, batch, elastic_tf.MethodSettings(initial_distribution="uniform", **_BARE)
        ),
        "train_distilled": _distilled(subject, batch),
    }
    if subject.is_trained:
        candidates["train_selected"] = _selected(subject, batch)
    candidates["train_selector"] = _selector(subject, batch)
    return measure_rows(candidates, batch_size, timer)


def initial_stage(network, settings=None):
    """Compiles a network so that it stays in the initial stage; returns it."""
    settings = settings or elastic_tf.MethodSettings()
    return _compile(network, settings, elastic_tf.StageSchedule(initial_steps=_ENDLESS))


def estimator_stage(network, settings):
    """Compiles a network so that it stays in the first round's estimator stage; returns it."""
    stages = elastic_tf.StageSchedule(0, 2, selector_steps=1, estimator_steps=_ENDLESS)
    _compile(network, settings, stages)
    network.step.assign(1)
    return network


def selector_stage(network, settings):
    """Compiles a network so that it stays in a selector stage; returns it."""
    return _compile(network, settings, elastic_tf.StageSchedule(0, 1, selector_steps=1))


def step_runner(model, batch):
    """Returns a function that takes one training step on the same batch.

    Args:
        model: a compiled `keras.Model`.
        batch: what the model trains on: `(images, labels)`, or `{task: (images, labels)}`.
    """
    return iterator_runner(model, iter(tf.data.Dataset.from_tensors(batch).repeat()))


def iterator_runner(model, iterator):
    """Returns a function that takes one training step on the next batch of a data iterator."""
    model.make_train_function()

    def run():
        logs = model.train_function(iterator)
        # A GPU is waited for: all of the step was queued before this copy.
        tf.nest.flatten(logs)[0].numpy()

    return run


def _dense(subject):
    model = subject.plain_model(subject.network.num_levels - 1)
    model.compile(
        optimizer=_sgd(),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    return model


def _initial(subject, batch, settings):
    network = initial_stage(subject.copy_of_network(), settings)
    shape = (len(batch[0]), network.num_blocks, network.num_levels)
    levels = network.initial_distribution(tf.zeros(shape), _seed(subject))
    return _candidate(subject, network, batch, subject.macs_share(levels))


def _distilled(subject, batch):
    """The defaults' initial stage: the full model teaches a random one; a guess of the class."""
    runner, macs_share = _initial(subject, batch, elastic_tf.MethodSettings())
    table = subject.network.cost_table(subject.task)
    return Candidate(runner, 1.0 + macs_share + table.selector_macs / table.full_macs)


def _selected(subject, batch):
    settings = elastic_tf.MethodSettings(initial_mix=0.0, **_BARE)
    network = estimator_stage(subject.copy_of_network(), settings)
    levels = network.select_levels(batch[0], subject.task)
    return _candidate(subject, network, batch, subject.macs_share(levels))


def _selector(subject, batch):
    """A selector step that always explores, so that its cost does not drift as it trains."""
    settings = elastic_tf.MethodSettings(epsilon_decay=1.0)
    network = selector_stage(subject.copy_of_network(), settings)
    logits = tf.zeros((len(batch[0]), network.num_blocks, network.num_levels))
    levels = sample_models(logits, 1.0, settings.samples_per_image, _seed(subject))
    table = network.cost_table(subject.task)
    # A backward pass counts as two forward ones; the estimator only runs forward.
    trained = table.selector_macs / table.full_macs
    run = settings.samples_per_image * subject.macs_share(levels) / 3
    return _candidate(subject, network, batch, trained + run)


def _candidate(subject, network, batch, macs_share):
    return Candidate(step_runner(network, {subject.task: batch}), macs_share)


def _compile(network, settings, stages):
    network.compile(
        optimizer=_sgd(),
        stages=stages,
        learning_rate=elastic_tf.StagedLearningRate(_LEARNING_RATE, _LEARNING_RATE),
        settings=settings,
    )
    return network


def _sgd():
    return keras.optimizers.SGD(_LEARNING_RATE, momentum=0.9, nesterov=True)


def _seed(subject):
    return tf.constant([subject.seed, 0])
