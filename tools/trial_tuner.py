"""KerasTuner's part of a search: who chooses the trials, and the loop over them."""

import math
import time

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.oracles import BayesianOptimizationOracle, HyperbandOracle, RandomSearchOracle

from elastic_tf.files import read_json, write_json
from elastic_tf.tuning.hypermodel import SCORE

RANDOM, HYPERBAND, BAYESIAN = "random", "hyperband", "bayesian"
COMPLETED, FAILED = "completed", "failed"
FIGURES = (SCORE, "accuracy", "macs_share", "hypervolume")
# What Hyperband adds to a trial's values: the trial to go on from, and how far to go.
OF_HYPERBAND, PAST_TRIAL, UNITS = "tuner/", "tuner/trial_id", "tuner/epochs"
_SECONDS_BETWEEN_LOOKS = 0.1


class _Resumable:
    """What every oracle here does besides: settings as given come first, and a kill costs nothing.

    The whole state is one file, written whole or not at all. KerasTuner itself has one for each
    trial, which it looks for by a pattern and writes in place.
    """

    state_file = None

    def populate_space(self, trial_id):
        found = super().populate_space(trial_id)
        if not self.trials:
            drawn = found["values"].items()
            own = {name: value for name, value in drawn if name.startswith(OF_HYPERBAND)}
            found["values"] = dict(self.get_space().values) | own
        return found

    def save(self):
        trials = [trial.get_state() for trial in self.trials.values()]
        write_json(self.state_file, self.get_state() | {"trials": trials})

    def reload(self):
        state = read_json(self.state_file)
        self.trials = {each["trial_id"]: Trial.from_state(each) for each in state["trials"]}
        # Trials that were under way come next.
        under_way = list(state["ongoing_trials"].values())
        running = [each for each in under_way if self.trials[each].status == TrialStatus.RUNNING]
        self.set_state(
            state
            | {"ongoing_trials": {}, "retry_queue": [*state["retry_queue"], *reversed(running)]}
        )


TUNERS = {
    name: type(f"Resumable{oracle.__name__}", (_Resumable, oracle), {})
    for name, oracle in (
        (RANDOM, RandomSearchOracle),
        (HYPERBAND, HyperbandOracle),
        (BAYESIAN, BayesianOptimizationOracle),
    )
}


def make_oracle(tuner, space, state_file, max_trials, seed, max_failures=None, **own):
    """Returns the oracle of a search that maximises the score, as far as the search has come.

    Args:
        tuner: str, of `TUNERS`.
        space: a `SearchSpace`.
        state_file: path of the file that the search goes on from; need not exist, its folder must.
        max_trials: int >= 1; `None` with `"hyperband"` only, which ends by itself.
        seed: int >= 0.
        max_failures: int >= 1. Trials in a row that may fail before the search gives up; `None` for
            any number.
        **own: arguments of that oracle of KerasTuner alone.
    """
    hyperparameters = keras_tuner.HyperParameters()
    space.declare(hyperparameters)
    oracle = TUNERS[tuner](
        objective=keras_tuner.Objective(SCORE, "max"),
        hyperparameters=hyperparameters,
        seed=seed + 1,  # KerasTuner takes 0 for no seed.
        max_consecutive_failed_trials=max_failures,
        **own,
    )
    oracle.max_trials = max_trials
    oracle.verbose = 0  # The search speaks itself.
    oracle.state_file = state_file
    if state_file.exists():
        oracle.reload()
    return oracle


class TrialTuner(keras_tuner.Tuner):
    """Runs the trials that an oracle chooses.

    Args:
        oracle: of `make_oracle`.
        folder: path for KerasTuner's own files.
        run: function from a trial's name and values to its outcome, a dict with `status`,
            `COMPLETED` or `FAILED`, and `FIGURES` or a `reason`.
        ended: function without arguments, called after every trial.
    """

    def __init__(self, oracle, folder, run, ended):
        self._run, self._ended = run, ended
        super().__init__(oracle=oracle, directory=str(folder.parent), project_name=folder.name)

    def run_trial(self, trial):
        """Runs a trial and returns its figures, a dict; minus infinity where it has failed."""
        try:
            self._outcome = self._run(trial.trial_id, dict(trial.hyperparameters.values))
        except Exception as error:  # Of this program: KerasTuner would call the trial failed.
            raise keras_tuner.errors.FatalRuntimeError(str(error)) from error
        return {name: self._outcome.get(name, -math.inf) for name in FIGURES}

    def on_trial_end(self, trial):
        if self._outcome["status"] == FAILED:
            trial.status, trial.message = TrialStatus.FAILED, self._outcome["reason"]
        super().on_trial_end(trial)
        self._ended()

    def pre_create_trial(self):
        time.sleep(_SECONDS_BETWEEN_LOOKS)  # Hyperband may have to wait, asking without pause.

    def save(self):
        if isinstance(self.oracle, keras_tuner.Oracle):  # And not a worker's line to it.
            self.oracle.save()

    def load_model(self, trial):
        raise NotImplementedError("The networks are in the runs of the trials.")
