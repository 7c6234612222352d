r"""Searches for the hierarchy and the settings that serve best within a budget of MACs.

    python tools/tune.py --flagfile=tools/flagfiles/level_search.flags
    python tools/tune.py --flagfile=tools/flagfiles/quickstart.flags --tuner=hyperband \
        --objective=accuracy --budget=0.4 --tune=num_levels,ratios --output_dir=runs/search

Every flag of train that is given, in the flagfile or beside it, holds for all trials; what --tune
names is varied around it. --tune_num_levels=2..5 and the like say between which values: LOW..HIGH,
a list A,B,C, or one number; an x behind a number stands for the given value. Ratios are varied by
the width of a level as a share of the next wider one's. The first trial has the settings as given.
Networks are compared on validation images, never on the test split. The best one is written as a
flagfile that train takes as it is:

    python tools/train.py --flagfile=runs/search/best.flags

The same command line continues a search that was interrupted, and repeats no finished trial; with a
larger --max_trials it goes on. BUILD.md says how several processes or machines search together.
"""

import contextlib
import dataclasses
import functools
import importlib
import os
import sys

from elastic_tf_tools import flags, processes
from elastic_tf_tools.search import Search
from elastic_tf_tools.trial_tuner import (
    BAYESIAN,
    FAILED,
    HYPERBAND,
    RANDOM,
    TUNERS,
    TrialTuner,
    make_oracle,
)

import keras_tuner

from elastic_tf.tuning import OBJECTIVES, TUNABLES, Objective, SearchSpace
from elastic_tf.tuning.search_space import SECTIONS

RESUMES = True
ALONE, CHIEF, WORKER = "alone", "chief", "worker"
_VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")
_TUNED = (
    "num_levels",
    "ratios",
    "initial_mix",
    "learning_rate",
    "selector_learning_rate",
    "selector_hidden_ratio",
)
_OBJECTIVE = ("objective", "budget", "macs_weight", "budget_tolerance")


def define_flags(values):
    processes.define_training_flags(values)
    values["output_dir"].help = "Folder for all trials and what comes out."
    define = functools.partial(flags.define, values)
    define(
        "tuner",
        RANDOM,
        "Who chooses the trials: chance; hyperband, which trains many for a part of the steps, and "
        "goes on with the best from their checkpoints; or a Gaussian process.",
        str,
        choices=tuple(TUNERS),
    )
    define(
        "max_trials",
        None,
        "Trials of the whole search; 10 where left out, but with hyperband all it needs.",
        int,
        low=1,
    )
    define(
        "objective",
        OBJECTIVES[0],
        "What is maximised, on validation images: accuracy within --budget; accuracy minus "
        "--macs_weight times the share of MACs; or the mean accuracy over all budgets.",
        str,
        choices=OBJECTIVES,
    )
    define(
        "budget",
        None,
        "Mean MACs that --objective=accuracy allows, a share of the full model's, "
        "selector included. Networks aim at it, unless --target_macs or price say otherwise.",
        float,
        above=0.0,
        high=1.0,
    )
    define(
        "budget_tolerance",
        Objective.budget_tolerance,
        "How far above it the validation images may come, a share of MACs: they are few.",
        float,
        low=0.0,
    )
    define(
        "macs_weight",
        Objective.macs_weight,
        "Lambda of accuracy_minus_macs: accuracy that all of the MACs are worth, a share.",
        float,
        low=0.0,
    )
    define("tune", _TUNED, f"What is varied: {', '.join(TUNABLES)}.", str, is_list=True)
    define("ratios_per_stage", False, "Gives every stage of the backbone ratios of its own.", bool)
    for name, (_, field) in TUNABLES.items():
        help = f"Range of {name}; {field.metadata['tune']} where left out."
        define(f"tune_{name}", None, help, str)
    for name, default, low, help in (
        ("initial_points", None, 1, "Trials that bayesian draws at first; a third if left out."),
        ("hyperband_units", 9, 1, "The whole training in units of hyperband's shortest part."),
        ("hyperband_factor", 3, 2, "Of so many trials hyperband goes on with one."),
        ("hyperband_iterations", 1, 1, "How often hyperband does it all."),
        ("max_failures", 5, 1, "Failed trials in a row that end the search."),
    ):
        define(name, default, help, int, low=low)
    flags.define_renamed(
        values,
        macs_limit="budget",
        macs_tolerance="budget_tolerance",
        tune_levels="tune_num_levels",
        tune_rho="tune_price, in 1/rho",
    )


def main(values):
    processes.leave_gpus()
    with contextlib.ExitStack() as held:
        with flags.one_line_errors():
            flags.check_no_arguments(values)
            role = find_role(os.environ)
            search = make_search(values)
            oracle_arguments = _oracle_arguments(values, search.max_trials)
            if role != CHIEF:  # Which trains nothing, and needs no data.
                search.check_data()
            if role != WORKER:
                # Of the plot, whose packages may be missing: now, and not after the search.
                importlib.import_module("elastic_tf.report.macs_figures")
            held.enter_context(search.claimed(is_worker=role == WORKER))
            oracle = make_oracle(
                values["tuner"].value,
                search.space,
                search.state_file,
                search.max_trials,
                search.settings.seed,
                # A chief that gave up would leave its workers waiting.
                max_failures=values["max_failures"].value if role == ALONE else None,
                **oracle_arguments,
            )
        print(f"Searching for the best {search.objective.describe()}", flush=True)
        failure = _run(search, oracle, role)
        if role != WORKER:
            _report(search)
    if failure:
        sys.exit(f"error: {failure}")


def _run(search, oracle, role):
    """Runs all trials; returns why the search gave up, a str, or `None` where it did not."""
    ended = search.files.write_tables if role != WORKER else lambda: None
    tuner = TrialTuner(oracle, search.state_file.parent, search.run, ended)
    try:
        tuner.search()
    except keras_tuner.errors.FatalError:
        raise
    except RuntimeError as error:  # KerasTuner's, of too many failures in a row.
        return str(error).splitlines()[0]
    return None


def make_search(values):
    """Returns the `Search` that the flags say; a `ValueError` if they do not go together."""
    objective = Objective(*(values[name].value for name in _OBJECTIVE))
    settings, given = flags.read_training_settings(values), processes.given_training_flags(values)
    # What is varied is named by --tune, or has a range.
    ranges = {name: values[f"tune_{name}"].value for name in TUNABLES}
    names = [*values["tune"].value, *(name for name in TUNABLES if ranges[name])]
    tune = {name: ranges.get(name) for name in names}
    has_target = values["target_macs"].present or {"price", "target_macs"} & tune.keys()
    if objective.budget and not has_target:
        method = dataclasses.replace(settings.method, target_macs=objective.budget)
        settings = dataclasses.replace(settings, method=method)
        given.append(flags.serialize("target_macs", objective.budget))
    sections = {name: getattr(settings, name) for name in SECTIONS}
    space = SearchSpace(tune, **sections, ratios_per_stage=values["ratios_per_stage"].value)
    max_trials, tuner = values["max_trials"].value, values["tuner"].value
    own = (*_OBJECTIVE, "tuner", "initial_points", "hyperband_units", "hyperband_factor")
    return Search(
        values["output_dir"].value,
        objective,
        space,
        settings,
        given,
        10 if max_trials is None and tuner != HYPERBAND else max_trials,
        values["hyperband_units"].value,
        {name: values[name].value for name in own},
    )


def _oracle_arguments(values, max_trials):
    """Returns the arguments that only the tuner's own oracle takes, a dict."""
    tuner, points = values["tuner"].value, values["initial_points"].value
    if points and tuner != BAYESIAN:
        raise ValueError(
            "`--initial_points` must be left out but with --tuner=bayesian. "
            f"Received: initial_points={points}, tuner={tuner}"
        )
    if tuner == BAYESIAN:
        return {"num_initial_points": points or max(3, max_trials // 3)}
    if tuner == RANDOM:
        return {}
    return {
        "max_epochs": values["hyperband_units"].value,
        "factor": values["hyperband_factor"].value,
        "hyperband_iterations": values["hyperband_iterations"].value,
    }


def find_role(environment):
    """Returns `ALONE`, `CHIEF` or `WORKER`, as KerasTuner's variables say.

    Args:
        environment: dict of the variables.

    Raises:
        ValueError: if only some of the variables are set, or not to what they must be.

    Reference: keras.io/keras_tuner/guides/distributed_tuning.
    """
    found = {name: environment.get(name) for name in _VARIABLES}
    name, _, port = found.values()
    if not any(found.values()):
        return ALONE
    if not all(found.values()) or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(
            f"Environment variables {', '.join(found)} must be set together, the last to a port, 1 "
            "to 65535, or none of them. "
            f"Received: {', '.join(f'{name}={value}' for name, value in found.items())}"
        )
    return CHIEF if "chief" in name else WORKER


def _report(search):
    """Writes and prints what the search has come to."""
    outcomes, files = search.files.write_tables(), search.files
    print(f"\n{files.table.read_text(encoding='utf-8')}")
    if not outcomes or outcomes[0]["status"] == FAILED:
        sys.exit(f"error: no trial has come to its end; {files.csv} has the reasons")
    if not outcomes[0]["is_whole_training"]:
        print("No trial was trained to its end: the best is of those with a part of their steps.")
    print(f"Saved: {files.csv}, {files.front}, {files.plot}")
    print(f"The best, trained again: python tools/train.py --flagfile={files.best}")


if __name__ == "__main__":
    flags.run(__name__)
