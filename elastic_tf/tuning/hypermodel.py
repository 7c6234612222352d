"""The network and its training as a function of what is searched."""

import keras
import keras_tuner

from elastic_tf.evaluation.answers import AnswersBySplit
from elastic_tf.evaluation.budget_curve import validation_figures
from elastic_tf.evaluation.budgets import calibrate_network, settle_target
from elastic_tf.pretrained.initial_network import initial_network
from elastic_tf.training.callbacks import StopAtStep
from elastic_tf.training.checkpoints import RaiseOnDivergence

SCORE = "score"


class ElasticHyperModel(keras_tuner.HyperModel):
    """A `DeepElasticNetwork` and its whole training, for any tuner of KerasTuner.

    `tuner.search` takes what `fit` takes behind the network; trials are compared by `"score"`, the
    higher the better. What a tuner saves of a trial is the network at the end of its training.

    Args:
        tasks: dict of tasks, as `elastic_tf.ElasticNetwork` takes it.
        space: a `SearchSpace`.
        objective: an `Objective`, which scores what has been trained.
        seed: int >= 0, of weights and models drawn, the same in all trials. Defaults to 0.
        name: str. Defaults to `None`.

    Example:

        hypermodel = ElasticHyperModel(tasks, SearchSpace({"num_levels": "2..5"}), objective)
        tuner = keras_tuner.RandomSearch(hypermodel, keras_tuner.Objective("score", "max"))
        tuner.search(batches, batches_of)
    """

    def __init__(self, tasks, space, objective, seed=0, name=None):
        super().__init__(name=name)
        self.tasks = tasks
        self.space = space
        self.objective = objective
        self.seed = seed

    def declare_hyperparameters(self, hp):
        self.space.declare(hp)

    def build(self, hp):
        """Returns the network, compiled.

        Args:
            hp: `keras_tuner.HyperParameters`.
        """
        self.space.declare(hp)
        settings = self.space.settings(hp.values)
        model, method = initial_network(
            self.tasks, settings["network"], settings["method"], self.seed
        )
        model.compile(settings["schedule"], method, settings["optimizers"])
        return model

    def fit(self, hp, model, batches, batches_of, steps_per_epoch=500, callbacks=(), **kwargs):
        """Trains a network to the end of its schedule, settles and calibrates it, and scores it.

        Args:
            hp: `keras_tuner.HyperParameters`, not used.
            model: a network of `build`.
            batches: iterable of training data, `{task: (images, labels)}`, endless.
            batches_of: function from a task and a split, `"train"` or `"validation"`, to an
                iterable of `(images, labels)`, the same at every pass.
            steps_per_epoch: int >= 1. Steps between two calls of `callbacks` at an epoch's end.
                Defaults to 500.
            callbacks: iterable of Keras callbacks.
            **kwargs: other arguments of `keras.Model.fit`.

        Returns:
            Dict of floats, what `Objective.measure` returns.

        Raises:
            keras_tuner.errors.FailedTrialError: if the training diverges.
        """
        del hp
        total = model.stages.total_steps
        epochs = -(-total // steps_per_epoch)
        try:
            model.fit(
                batches,
                epochs=epochs,
                steps_per_epoch=steps_per_epoch,
                callbacks=[RaiseOnDivergence(), StopAtStep(total), *callbacks],
                **({"shuffle": False, "verbose": 0} | kwargs),
            )
            settle_target(model, batches_of)
            answers = AnswersBySplit(model, batches_of)
            calibrate_network(answers)
            measured = self.objective.measure(validation_figures(answers))
        except FloatingPointError as error:
            raise keras_tuner.errors.FailedTrialError(str(error)) from None
        # One more epoch for them: KerasTuner's own callback saves what has been scored.
        keras.callbacks.CallbackList(list(callbacks), model=model).on_epoch_end(epochs, measured)
        return measured
