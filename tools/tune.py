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

import os
import sys

import keras_tuner
from absl import flags as absl_flags
from elastic_tf_tools import flags, processes
from elastic_tf_tools.search import Search
from elastic_tf_tools.trial_tuner import FAILED, RANDOM, TUNERS, TrialTuner

from elastic_tf.tuning import OBJECTIVES, TUNABLES

ALONE, CHIEF, WORKER = "alone", "chief", "worker"
_VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")
_TUNED = [
    "num_levels",
    "ratios",
    "initial_mix",
    "learning_rate",
    "selector_learning_rate",
    "selector_hidden_ratio",
]


def define_flags(values):
    processes.define_training_flags(values)
    values["output_dir"].help = "Folder for all trials and what comes out."
    own = {"flag_values": values, "module_name": "command"}
    absl_flags.DEFINE_enum(
        "tuner",
        RANDOM,
        list(TUNERS),
        "Who chooses the trials: chance; hyperband, which trains many for a part of the steps, and "
        "goes on with the best from their checkpoints; or a Gaussian process.",
        **own,
    )
    absl_flags.DEFINE_integer(
        "max_trials",
        None,
        "Trials of the whole search, >= 1; 10 where left out, but with hyperband all it needs.",
        1,
        **own,
    )
    absl_flags.DEFINE_enum(
        "objective",
        OBJECTIVES[0],
        OBJECTIVES,
        "What is maximised, on validation images: accuracy within --budget; accuracy minus "
        "--macs_weight times the share of MACs; or the mean accuracy over all budgets.",
        **own,
    )
    absl_flags.DEFINE_float(
        "budget",
        None,
        "Mean MACs that --objective=accuracy allows, in (0, 1], a share of the full model's, "
        "selector included. Networks aim at it, unless --target_macs or price say otherwise.",
        **own,
    )
    absl_flags.DEFINE_float(
        "budget_tolerance",
        0.02,
        "How far above it the validation images may come, >= 0, a share of MACs: they are few.",
        0.0,
        **own,
    )
    absl_flags.DEFINE_float(
        "macs_weight",
        0.1,
        "Lambda of accuracy_minus_macs, >= 0: accuracy that all of the MACs are worth, a share.",
        0.0,
        **own,
    )
    absl_flags.DEFINE_list("tune", _TUNED, f"What is varied: {', '.join(TUNABLES)}.", **own)
    absl_flags.DEFINE_bool(
        "ratios_per_stage",
        False,
        "Whether every stage of the backbone has ratios of its own.",
        **own,
    )
    for name, (_, field) in TUNABLES.items():
        help = f"Range of {name}; {field.metadata['tune']} where left out."
        absl_flags.DEFINE_string(f"tune_{name}", None, help, **own)
    for name, default, low, help in (
        ("initial_points", None, 1, "Trials that bayesian draws at first; a third if left out."),
        ("hyperband_units", 9, 1, "The whole training in units of hyperband's shortest part."),
        ("hyperband_factor", 3, 2, "Of so many trials hyperband goes on with one."),
        ("hyperband_iterations", 1, 1, "How often hyperband does it all."),
        ("max_failures", 5, 1, "Failed trials in a row that end the search."),
    ):
        absl_flags.DEFINE_integer(name, default, f"{help} >= {low}.", low, **own)
    flags.define_renamed(
        values,
        macs_limit="budget",
        macs_tolerance="budget_tolerance",
        tune_levels="tune_num_levels",
        tune_rho="tune_price",
    )


def main(values):
    with flags.one_line_errors():
        flags.check_no_arguments(values)
        role = find_role(os.environ)
        search = Search(values)
        if role != CHIEF:  # Which trains nothing, and needs no data.
            search.check_data()
        search.claim(wait=role == WORKER)
        # A chief that gave up would leave its workers waiting.
        oracle = search.make_oracle(values, values["max_failures"].value if role == ALONE else None)
    print(f"Searching for the best {search.objective.describe()}", flush=True)
    ended = search.files.write_tables if role != WORKER else lambda: None
    tuner = TrialTuner(oracle, search.state_file.parent, search.run, ended)
    failure = None
    with processes.stoppable():
        try:
            tuner.search()
        except keras_tuner.errors.FatalError:
            raise
        except RuntimeError as error:  # KerasTuner's, of too many failures in a row.
            failure = str(error).splitlines()[0]
    if role != WORKER:
        report(search)
    if failure:
        sys.exit(f"error: {failure}")


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


def report(search):
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
