"""What tune searches, and how it tries: each trial is a training in a process of its own."""

import dataclasses
import math
import time

from elastic_tf_tools import flags, processes
from elastic_tf_tools.run_folder import RunFolder
from elastic_tf_tools.trial_files import TrialFiles
from elastic_tf_tools.trial_tuner import (
    BAYESIAN,
    COMPLETED,
    FAILED,
    HYPERBAND,
    PAST_TRIAL,
    UNITS,
    make_oracle,
)

from elastic_tf.files import ClaimedFolder, read_json
from elastic_tf.tuning import TUNABLES, Objective, SearchSpace
from elastic_tf.tuning.search_space import SECTIONS

_SECONDS_BETWEEN_LOOKS = 1


class Search:
    """What is searched, as the flags say, and how a trial of it is run.

    Args:
        values: parsed `FlagValues`.

    Raises:
        ValueError: if the flags do not go together.
    """

    def __init__(self, values):
        own = ("objective", "budget", "macs_weight", "budget_tolerance")
        self.objective = Objective(*(values[name].value for name in own))
        self.settings = flags.read_training_settings(values)
        self.given = processes.given_training_flags(values)
        self.tuner = values["tuner"].value
        if values["initial_points"].value and self.tuner != BAYESIAN:
            raise ValueError(
                "`--initial_points` must be left out but with --tuner=bayesian. "
                f"Received: initial_points={values['initial_points'].value}, tuner={self.tuner}"
            )
        tune = self._tuned(values)
        if self.objective.budget and not values["target_macs"].present:
            if not {"price", "target_macs"} & tune.keys():
                self._aim(self.objective.budget)
        sections = {name: getattr(self.settings, name) for name in SECTIONS}
        self.space = SearchSpace(
            tune, **sections, ratios_per_stage=values["ratios_per_stage"].value
        )
        self.units = values["hyperband_units"].value
        self.max_trials = values["max_trials"].value
        if self.max_trials is None and self.tuner != HYPERBAND:
            self.max_trials = 10
        self.files = TrialFiles(values["output_dir"].value, self.objective)
        self.state_file = self.files.path / "search" / "oracle.json"
        self._folder = ClaimedFolder(self.files.path, "search.json", "search")
        names = (*own, "tuner", "initial_points", "hyperband_units", "hyperband_factor")
        self._description = {name: values[name].value for name in names} | {
            "settings": self.settings.flat(with_resumable=False),
            "ranges": self.space.describe(),
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

    def claim(self, wait):
        """Makes the output directory this search's own; `wait` for the chief to do it, a bool."""
        if wait and not self._folder.file.exists():
            print(f"Waiting for the chief, whose search will be in {self.files.path}", flush=True)
            while not self._folder.file.exists():
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        self._folder.claim(self._description)
        self.state_file.parent.mkdir(exist_ok=True)

    def make_oracle(self, values, max_failures):
        """Returns KerasTuner's oracle of the search; see `trial_tuner.make_oracle`."""
        own = {}
        if self.tuner == HYPERBAND:
            names = {"factor": "hyperband_factor", "hyperband_iterations": "hyperband_iterations"}
            own = {name: values[flag].value for name, flag in names.items()}
            own["max_epochs"] = self.units
        elif self.tuner == BAYESIAN:
            points = values["initial_points"].value
            own = {"num_initial_points": points or max(3, self.max_trials // 3)}
        return make_oracle(
            self.tuner,
            self.space,
            self.state_file,
            self.max_trials,
            self.settings.seed,
            max_failures,
            **own,
        )

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
        varied = " ".join(flag for flag in [*found, *until] if flag not in self.given)
        print(f"trial {self._place(trial)} starts: {varied}; log: {training.log}", flush=True)
        self._began = self._began or time.monotonic()
        began, error = time.monotonic(), _train(training)
        outcome = {
            "trial": trial,
            "status": FAILED if error else COMPLETED,
            "run": run,
            "seed": seed,
            "values": values,
            "flags": found,
            "until_step": until_step,
            "minutes": (time.monotonic() - began) / 60,
        }
        outcome |= {"reason": error} if error else self._figures(training)
        self.files.write(outcome)
        self._ended += 1
        print(f"trial {self._place(trial)} {self._describe(outcome)}", flush=True)
        return outcome

    def _tuned(self, values):
        """Returns what is varied, by --tune or since a range is given: from a name to a range."""
        ranges = {name: values[f"tune_{name}"].value for name in TUNABLES}
        names = [*values["tune"].value, *(name for name in TUNABLES if ranges[name])]
        return {name: ranges.get(name) for name in dict.fromkeys(names)}

    def _aim(self, budget):
        """Has all networks aim at a budget."""
        method = dataclasses.replace(self.settings.method, target_macs=budget)
        self.settings = dataclasses.replace(self.settings, method=method)
        self.given.append(flags.serialize("target_macs", budget))

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
        figures = read_json(RunFolder(training.folder).validation)
        measured = self.objective.measure(figures)
        return measured | {
            "is_feasible": self.objective.is_feasible(measured["macs_share"]),
            "is_whole_training": figures["is_whole_training"],
            "step": figures["step"],
            "tasks": {task: curve["selector"] for task, curve in figures["tasks"].items()},
        }

    def _place(self, trial):
        return (
            trial if self.max_trials is None else f"{trial} ({int(trial) + 1} of {self.max_trials})"
        )

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
    """Runs a training to its end; returns why it has failed, `None` if it has not."""
    reasons = [processes.IN_USE]
    # Of a search that was killed: its last training goes on by itself, to its end.
    while reasons[-1] == processes.IN_USE:
        processes.run_all([training], 1, lambda _: None, lambda _, error: reasons.append(error))
    return reasons[-1]
