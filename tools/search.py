"""What tune searches, and how it tries: each trial is a training in a process of its own."""

import contextlib
import dataclasses
import math
import time

from elastic_tf_tools import flags, processes
from elastic_tf_tools.run_folder import RunFolder
from elastic_tf_tools.trial_files import TrialFiles
from elastic_tf_tools.trial_tuner import COMPLETED, FAILED, PAST_TRIAL, UNITS

from elastic_tf.files import ClaimedFolder

_SECONDS_BETWEEN_LOOKS = 1


class Search:
    """What is searched, and how a trial of it is run.

    Args:
        path: str or path, the output directory.
        objective: `Objective`.
        space: `SearchSpace`.
        settings: `TrainingSettings`, as given.
        given: list of str, the flags of train that make them.
        max_trials: int >= 1; `None` for a search that ends by itself.
        units: int >= 1. Hyperband's units of a whole training.
        description: dict of plain values. What else tells the search from others.
    """

    def __init__(self, path, objective, space, settings, given, max_trials, units, description):
        self.objective = objective
        self.space = space
        self.settings = settings
        self.given = given
        self.max_trials = max_trials
        self.units = units
        self.files = TrialFiles(path, objective)
        self.state_file = self.files.path / "search" / "oracle.json"
        self.folder = ClaimedFolder(path, "search.json", "search")
        self._description = description | {
            "settings": settings.flat(with_resumable=False),
            "ranges": space.describe(),
        }
        self._began, self._ended = None, 0

    def check_data(self):
        """Checks that there are images to train on, and to compare trials on."""
        data = self.settings.data
        if not data.validation_share:
            raise ValueError(
                "`--validation_share` must be above 0: trials are compared on validation images. "
                f"Received: validation_share={data.validation_share}"
            )
        specs = data.task_specs()
        data.batch_sizes(specs)
        data.training_images(specs)

    @contextlib.contextmanager
    def claimed(self, is_worker):
        """Makes the output directory this search's own, and keeps other searches out of it.

        Args:
            is_worker: bool. Whether to wait for the chief to do so.
        """
        self.folder.check(self._description)
        if is_worker:
            if not self.folder.file.exists():
                where = self.files.path
                print(f"Waiting for the chief, whose search will be in {where}", flush=True)
            while not self.folder.file.exists():
                time.sleep(_SECONDS_BETWEEN_LOOKS)
            self.folder.check(self._description)
            yield
            return
        with self.folder.locked():
            self.folder.claim(self._description)
            self.state_file.parent.mkdir(exist_ok=True)
            yield

    def run(self, trial, values):
        """Trains a trial in a process of its own, and says how it goes.

        One that was interrupted goes on from its checkpoint, and one that Hyperband promotes in the
        folder of the trial that it comes from. Of one that has completed nothing is repeated: the
        search may have been killed before its oracle knew.

        Args:
            trial: str, its name.
            values: dict, of its hyperparameters.

        Returns:
            Its outcome, a dict; see tools/trial_files.py.
        """
        outcome = self.files.read(trial)
        if outcome and outcome["status"] == COMPLETED:
            return outcome
        run, found, seed, until_step = self._plan(trial, values)
        until = [] if until_step is None else [f"--until_step={until_step}"]
        training = processes.Training(self.files.runs / run, (*found, "--nofinal_test", *until))
        place = f"{trial} ({int(trial) + 1} of {self.max_trials})" if self.max_trials else trial
        varied = " ".join(flag for flag in [*found, *until] if flag not in self.given)
        print(f"trial {place} starts: {varied}; log: {training.log}", flush=True)
        self._began = self._began or time.monotonic()
        minutes, error = _train(training)
        outcome = {
            "trial": trial,
            "status": FAILED if error else COMPLETED,
            "run": run,
            "seed": seed,
            "values": values,
            "flags": found,
            "until_step": until_step,
            "minutes": minutes,
        }
        outcome |= {"reason": error} if error else self._figures(training)
        self.files.write(outcome)
        self._ended += 1
        print(f"trial {place} {self._describe(outcome)}", flush=True)
        return outcome

    def _plan(self, trial, values):
        """Returns of a trial the name of its run, its flags, its seed, and up to which step."""
        settings = self.space.settings(values)
        units, until_step = values.get(UNITS, self.units), None
        if units < self.units:
            until_step = math.ceil(settings["schedule"].total_steps * units / self.units)
        if values.get(PAST_TRIAL):
            begun = self.files.read(values[PAST_TRIAL])
            return begun["run"], begun["flags"], begun["seed"], until_step
        seed = self.settings.seed + int(trial)
        settings = dataclasses.replace(self.settings, **settings, seed=seed)
        return trial, self._flags(settings), seed, until_step

    def _flags(self, settings):
        """Returns the flags of a trial: those given, and in their place those that differ."""
        before = self.settings.flat()
        changed = {name: of for name, of in settings.flat().items() if of != before[name]}
        changed["seed"] = settings.seed
        kept = [flag for flag in self.given if flag[2:].partition("=")[0] not in changed]
        return [*kept, *(flags.serialize(name, value) for name, value in changed.items())]

    def _figures(self, training):
        figures = RunFolder(training.folder).read_validation()
        measured = self.objective.measure(figures)
        return measured | {
            "is_feasible": self.objective.is_feasible(measured["macs_share"]),
            "is_whole_training": figures["is_whole_training"],
            "step": figures["step"],
            "tasks": {task: curve["selector"] for task, curve in figures["tasks"].items()},
        }

    def _describe(self, outcome):
        """Returns how a trial has ended, what is the best so far and how long it may take."""
        minutes = f"{outcome['minutes']:.1f} min"
        if outcome["status"] == FAILED:
            return f"failed after {minutes}: {outcome['reason']}"
        outcomes = self.files.ranked()
        point = f"{100 * outcome['accuracy']:.2f} % at {100 * outcome['macs_share']:.1f} % MACs"
        limit = "" if outcome["is_feasible"] else ", above the budget"
        line = f"took {minutes}: score {outcome['score']:.4f}, {point}{limit}; "
        line += f"best {outcomes[0]['score']:.4f} of trial {outcomes[0]['trial']}"
        left = self.max_trials - len(outcomes) if self.max_trials else 0
        minutes = left * (time.monotonic() - self._began) / 60 / self._ended
        return f"{line}; about {minutes:.0f} min left" if left > 0 else line


def _train(training):
    """Runs a training; returns the minutes it took, and why it has failed, `None` if it has not."""
    total, reason = 0.0, processes.IN_USE

    def ended(_, minutes, why):
        nonlocal total, reason
        total, reason = total + minutes, why

    # Of a search that was killed: its last training goes on by itself, to its end.
    while reason == processes.IN_USE:
        processes.run_all([training], ended)
    return total, reason
