"""KerasTuner's oracles, which choose the trials, with files that survive a kill."""

import json
import os

import keras_tuner
from elastic_tf_tools.studying.text_file import write_text
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.oracles import BayesianOptimizationOracle, HyperbandOracle, RandomSearchOracle

RANDOM, HYPERBAND, BAYESIAN = "random", "hyperband", "bayesian"
TUNERS = (RANDOM, HYPERBAND, BAYESIAN)
SCORE = "score"


class _Durable:
    """Writes every file whole or not at all, and has the settings as given as the first trial.

    KerasTuner itself writes into the file at hand, and a kill meanwhile loses the search.
    """

    def save(self):
        write_text(self._get_oracle_fname(), json.dumps(self.get_state()))

    def _save_trial(self, trial):
        path = os.path.join(self._get_trial_dir(trial.trial_id), "trial.json")
        write_text(path, json.dumps(trial.get_state()))

    def _random_values(self):
        return super()._random_values() if self.trials else self._default_values()

    def _default_values(self):
        found = keras_tuner.HyperParameters()
        for parameter in self.hyperparameters.space:
            found.merge([parameter])
            if found.is_active(parameter):
                found.values[parameter.name] = parameter.default
        return found.values


class DurableRandomSearchOracle(_Durable, RandomSearchOracle):
    """Draws every trial by itself."""


class DurableHyperbandOracle(_Durable, HyperbandOracle):
    """Gives many trials a part of the training, and the best of them more of it.

    A trial that fails in its first part is replaced by another: KerasTuner would promote one less
    for each of them, and none at all where they are few.
    """

    @keras_tuner.synchronized
    def end_trial(self, trial):
        super().end_trial(trial)
        if self.trials[trial.trial_id].status != TrialStatus.FAILED:
            return
        for bracket in self._brackets:
            first = bracket["rounds"][0]
            first[:] = [drawn for drawn in first if drawn["id"] != trial.trial_id]
        self.save()


class DurableBayesianOracle(_Durable, BayesianOptimizationOracle):
    """Draws some trials, then chooses by a Gaussian process of what they scored."""


def make_oracle(
    tuner,
    max_trials,
    seed,
    initial_points=None,
    hyperband_units=9,
    hyperband_factor=3,
    hyperband_iterations=1,
    max_failures=5,
):
    """Returns the oracle of a search that maximises `score`.

    Args:
        tuner: str, of `TUNERS`.
        max_trials: int >= 1; `None` with `"hyperband"` only, which ends by itself.
        seed: int >= 0.
        initial_points: int >= 1. Trials that `"bayesian"` draws at first; `None` for a third of
            `max_trials`, at least 3.
        hyperband_units: int >= 1. The whole training, in units of the shortest part of it.
        hyperband_factor: int >= 2. Of so many trials one is trained on, so many times longer.
        hyperband_iterations: int >= 1. How often to do it all.
        max_failures: int >= 1. Trials in a row that may fail before the search gives up; `None` for
            any number.
    """
    shared = {
        "objective": keras_tuner.Objective(SCORE, "max"),
        "seed": seed + 1,  # KerasTuner takes 0 for no seed.
        "max_consecutive_failed_trials": max_failures,
    }
    if tuner == HYPERBAND:
        oracle = DurableHyperbandOracle(
            max_epochs=hyperband_units,
            factor=hyperband_factor,
            hyperband_iterations=hyperband_iterations,
            **shared,
        )
        oracle.max_trials = max_trials
        return oracle
    if tuner == BAYESIAN:
        points = initial_points or max(3, max_trials // 3)
        return DurableBayesianOracle(max_trials=max_trials, num_initial_points=points, **shared)
    return DurableRandomSearchOracle(max_trials=max_trials, **shared)
