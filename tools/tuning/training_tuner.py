"""A KerasTuner tuner whose trials are trainings by tools/train.py, each in its own process."""

import json
import math
import signal
import time

import keras
from elastic_tf_tools.run_directory import RunDirectory
from elastic_tf_tools.studying.run_process import IN_USE, RunProcess
from elastic_tf_tools.studying.text_file import write_text
from elastic_tf_tools.tuning.hparams_log import log_hparams
from elastic_tf_tools.tuning.oracles import SCORE
from elastic_tf_tools.tuning.outcomes import COMPLETED, FAILED
from elastic_tf_tools.tuning.trial_run import TrialRun
from keras_tuner.engine import base_tuner
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.errors import FailedTrialError

_SECONDS_BETWEEN_LOOKS = 0.1
# What Hyperband adds to a trial's values: the trial to go on from, and how far to go.
_PAST_TRIAL, _UNITS = "tuner/trial_id", "tuner/epochs"


class TrainingTuner(base_tuner.BaseTuner):
    """Runs the trials that an oracle chooses.

    A trial that diverges, runs out of memory or dies takes nothing with it: it is marked as failed,
    with its reason, and the search goes on. A trial that was interrupted goes on from its
    checkpoint. One that Hyperband promotes goes on in the folder of the trial that it comes from.

    Args:
        oracle: of `make_oracle`.
        hypermodel: a `TrainingHyperModel`.
        directory: a `SearchDirectory`.
        objective: an `Objective`.
        seed: int >= 0. The seed of the n-th trial is this plus n, counted from 0.
        program: list of str, the command that trains.
        progress: a `TrialProgress`.
        hyperband_units: int >= 1, as of `make_oracle`.
    """

    def __init__(
        self, oracle, hypermodel, directory, objective, seed, program, progress, hyperband_units=9
    ):
        self.files = directory
        self.objective = objective
        self.seed = seed
        self.program = list(program)
        self.progress = progress
        self.hyperband_units = hyperband_units
        super().__init__(
            oracle, hypermodel, directory=str(directory.path), project_name=directory.TRIALS
        )
        oracle.verbose = 0  # `TrialProgress` speaks instead.

    def _populate_initial_space(self):
        """Declares the space; it depends on no network, and none is built for it."""
        space = self.oracle.get_space()
        self.hypermodel.declare_hyperparameters(space)
        self.oracle.update_space(space)

    def save(self):
        if not self._is_worker():
            self.oracle.save()
        write_text(self._get_tuner_fname(), json.dumps(self.get_state()))

    def on_search_begin(self):
        self.save()  # Only then is a search that is killed in its first trial known again.

    def pre_create_trial(self):
        time.sleep(_SECONDS_BETWEEN_LOOKS)  # Hyperband may have to wait, asking without pause.

    def run_trial(self, trial, *args, **kwargs):
        """Trains a trial and returns its figures, a dict with `score`.

        Raises:
            FailedTrialError: if the training fails.
        """
        outcome = self.files.outcomes.read(trial.trial_id)
        # It may have been killed when the trial was over and the oracle did not know yet.
        if outcome is None or outcome["status"] != COMPLETED:
            outcome = self._train(trial)
            self.files.outcomes.write(outcome)
            self.progress.ended(outcome)
            log_hparams(self.files.hparams / trial.trial_id, outcome)
        if outcome["status"] == FAILED:
            raise FailedTrialError(outcome["reason"])
        return {name: outcome[name] for name in (SCORE, "accuracy", "macs_share", "hypervolume")}

    def _try_run_and_update_trial(self, trial, *args, **kwargs):
        """As KerasTuner's own, but for the stack trace that it prints of a failed training.

        Any other error is one of this program, and ends it.
        """
        try:
            self._run_and_update_trial(trial, *args, **kwargs)
            trial.status = TrialStatus.COMPLETED
        except FailedTrialError as error:
            trial.status, trial.message = TrialStatus.FAILED, str(error)

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        if not self._is_worker():
            self.files.write_tables(self.objective)

    def load_model(self, trial):
        """Returns the network that a trial has trained."""
        outcome = self.files.outcomes.read(trial.trial_id)
        run = RunDirectory(self.files.runs / outcome["run"])
        return keras.saving.load_model(run.model)

    def _train(self, trial):
        run, seed = self._run(trial)
        self.progress.started(trial.trial_id, run)
        began = time.monotonic()
        error = self._train_in_process(run)
        outcome = {
            "trial": trial.trial_id,
            "status": FAILED if error else COMPLETED,
            "run": run.name,
            "seed": seed,
            "values": dict(trial.hyperparameters.values),
            "flags": list(run.flags),
            "until_step": run.until_step,
            "minutes": (time.monotonic() - began) / 60,
        }
        return outcome | ({"reason": error} if error else self._figures(run))

    def _figures(self, run):
        figures = run.validation_figures()
        measured = self.objective.measure(figures)
        return measured | {
            "is_feasible": self.objective.is_feasible(measured["macs_share"]),
            "is_whole_training": figures["is_whole_training"],
            "step": figures["step"],
            "tasks": {task: curve["selector"] for task, curve in figures["tasks"].items()},
        }

    def _run(self, trial):
        """Returns the `TrialRun` of a trial and its seed."""
        values = trial.hyperparameters.values
        until_step = self._until_step(values)
        past = values.get(_PAST_TRIAL)
        if past:
            begun = self.files.outcomes.read(past)
            run = TrialRun(begun["run"], self.files.runs, tuple(begun["flags"]), until_step)
            return run, begun["seed"]
        seed = self.seed + int(trial.trial_id)
        flags = (*self.hypermodel.training_flags(values), f"--seed={seed}")
        return TrialRun(trial.trial_id, self.files.runs, flags, until_step), seed

    def _until_step(self, values):
        units = values.get(_UNITS, self.hyperband_units)
        if units >= self.hyperband_units:
            return None
        return math.ceil(self.hypermodel.space.total_steps(values) * units / self.hyperband_units)

    def _train_in_process(self, run):
        """Returns why a training has failed; `None` if it has not."""
        while True:
            process = RunProcess(run, self.program)
            try:
                while not process.has_ended():
                    time.sleep(_SECONDS_BETWEEN_LOOKS)
            finally:
                process.stop()
            error = process.error()
            if error == f"stopped by signal {signal.SIGKILL:d}":
                return f"{error}: by the system, where memory has run out"
            if error != IN_USE:
                return error
            # Of a search that was killed: its last training goes on by itself, to its end.
            time.sleep(_SECONDS_BETWEEN_LOOKS)
