"""Training and evaluation on several machines, where `fit` and `evaluate` of Keras 3 fail.

They take means of figures over the images of a batch, which figures do not have any more.
"""

import itertools

import keras
import tensorflow as tf


def fit_on_machines(
    model,
    batches,
    by_stage,
    steps_per_epoch,
    epochs=1,
    initial_epoch=0,
    validation_data=None,
    callbacks=None,
    verbose=0,
    shuffle=False,
):
    """Does what `keras.Model.fit` does on one machine; returns the `History`.

    Args:
        model: a compiled `DeepElasticNetwork`, made in the scope of a
            `tf.distribute.MultiWorkerMirroredStrategy`.
        batches: what `replicas.deal` returns, endless.
        by_stage: function that makes one function of an iterator out of one for each stage, which
            it is given a maker of.
        steps_per_epoch, epochs, initial_epoch, callbacks, verbose: see `keras.Model.fit`.
        validation_data: what `replicas.deal` returns, or `None`.
        shuffle: not used.
    """
    del shuffle
    callbacks = keras.callbacks.CallbackList(
        callbacks,
        add_history=True,
        add_progbar=verbose not in (0, "auto"),
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=steps_per_epoch,
    )
    step = by_stage(lambda: _on_replicas(model, model.train_step))
    test = _on_replicas(model, model.test_step)
    iterator = iter(batches)
    model.stop_training = False
    callbacks.on_train_begin()
    logs = {}
    for epoch in range(initial_epoch, epochs):
        model.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        for index in range(steps_per_epoch):
            callbacks.on_train_batch_begin(index)
            logs = step(iterator)
            callbacks.on_train_batch_end(index, logs)
            if model.stop_training:
                break
        if validation_data is not None:
            figures = _evaluate(model, validation_data, test, callbacks)
            logs |= {f"val_{name}": figure for name, figure in figures.items()}
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    callbacks.on_train_end(logs)
    return model.history


def evaluate_on_machines(model, batches, *, callbacks=None, return_dict=False, verbose=0):
    """Does what `keras.Model.evaluate` does on one machine, and returns what that does.

    Args:
        model: see `fit_on_machines`.
        batches: what `replicas.deal` returns.
        callbacks, return_dict: see `keras.Model.evaluate`.
        verbose: not used: there is no progress bar.
    """
    del verbose
    callbacks = keras.callbacks.CallbackList(callbacks, model=model)
    figures = _evaluate(model, batches, _on_replicas(model, model.test_step), callbacks)
    if return_dict:
        return figures
    names = [metric.name for metric in model.metrics]
    return [figures[name] for name in names + sorted(set(figures) - set(names)) if name in figures]


def _evaluate(model, batches, test, callbacks):
    """Returns the figures of an evaluation, a dict from name to float."""
    model.reset_metrics()
    callbacks.on_test_begin()
    logs = {}
    iterator = iter(batches)
    for index in itertools.count():
        callbacks.on_test_batch_begin(index)
        try:
            logs = test(iterator)
        except tf.errors.OutOfRangeError:
            break
        callbacks.on_test_batch_end(index, logs)
    callbacks.on_test_end(logs)
    return logs


def _on_replicas(model, step):
    """Returns a function of an iterator that takes a step on all replicas, which agree on it."""
    strategy = model.distribute_strategy

    @tf.function
    def run(iterator):
        figures = strategy.run(step, args=(next(iterator),))
        return {name: strategy.experimental_local_results(of)[0] for name, of in figures.items()}

    def run_and_read(iterator):
        return {name: float(figure) for name, figure in run(iterator).items()}

    return run_and_read
