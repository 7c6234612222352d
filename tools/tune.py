r"""Searches for the hierarchy and the settings that serve best within a budget of MACs.

    python tools/tune.py --flagfile=tools/flagfiles/level_search.flags
    python tools/tune.py --flagfile=tools/flagfiles/quickstart.flags --tuner=hyperband \
        --objective=accuracy --macs_limit=0.4 --tune=levels,ratios --output_dir=runs/search

Every flag of tools/train.py that is given, in the flagfile or beside it, holds for all trials; what
--tune names is varied around it, within ranges that --tune_levels=2..5 and the like say. The first
trial has the settings as given. Networks are compared on validation images, never on the test
split. The best one is written as a flagfile that tools/train.py takes as it is:

    python tools/train.py --flagfile=runs/search/best.flags

The same command line continues a search that was interrupted, and repeats no finished trial; with a
larger --max_trials it goes on. BUILD.md says how several processes or machines search together.
"""

import os
import signal
import sys
import time

from absl import app, flags
from elastic_tf_tools import data_flags, train
from elastic_tf_tools.given_flags import flag_name, given_flags, serialize
from elastic_tf_tools.quiet_logs import quiet_logs
from elastic_tf_tools.studying.conduct import TRAIN
from elastic_tf_tools.tuning import search_flags
from elastic_tf_tools.tuning.distribution import ALONE, CHIEF, WORKER, find_role
from elastic_tf_tools.tuning.oracles import BAYESIAN, HYPERBAND, make_oracle
from elastic_tf_tools.tuning.outcomes import ranked
from elastic_tf_tools.tuning.search_directory import SearchDirectory
from elastic_tf_tools.tuning.search_flags import define_flags
from elastic_tf_tools.tuning.training_tuner import TrainingTuner
from elastic_tf_tools.tuning.trial_progress import TrialProgress
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors

from elastic_tf.tuning.hypermodel import TrainingHyperModel
from elastic_tf.tuning.objectives import ACCURACY, Objective
from elastic_tf.tuning.ranges import RHO, TARGET_MACS, TUNABLES, parse_range
from elastic_tf.tuning.search_space import SearchSpace

FLAGS = flags.FLAGS

_SECONDS_BETWEEN_LOOKS = 1


def main(argv):
    quiet_logs()
    with one_line_errors():
        check_no_arguments(argv)
        role = find_role(os.environ)
        objective = _objective()
        given = _given()
        space = _space()
        specs = data_flags.get_tasks()
        if role != CHIEF:  # Which trains nothing, and needs no data.
            _check_data(specs)
        directory = SearchDirectory(FLAGS.output_dir)
        oracle = _oracle(role)
        _claim(directory, _search(given, space), role)
    hypermodel = TrainingHyperModel(space, data_flags.model_tasks(specs), given)
    tuner = TrainingTuner(
        oracle,
        hypermodel,
        directory,
        objective,
        FLAGS.seed,
        TRAIN,
        TrialProgress(directory.outcomes, _max_trials(), _varied(given)),
        FLAGS.hyperband_units,
    )
    print(f"Searching for the best {objective.describe()}", flush=True)
    failure = _run(tuner)
    if role != WORKER:
        _report(directory, objective)
    if failure:
        sys.exit(f"error: {failure}")


def _run(tuner):
    """Searches; ends the program on Ctrl-C or SIGTERM.

    Returns:
        Why the search gave up, a str; `None` where it did not.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        tuner.search()
    except KeyboardInterrupt:
        print("\nStopped. The same command line continues.", flush=True)
        sys.exit(130)
    except RuntimeError as error:  # KerasTuner's, of too many failures in a row.
        return str(error).splitlines()[0]
    finally:
        signal.signal(signal.SIGTERM, before)
    return None


def _report(directory, objective):
    outcomes = directory.write_tables(objective)
    print(f"\n{directory.table.read_text()}")
    best = ranked(outcomes)
    if not best:
        sys.exit(f"error: no trial has come to its end; {directory.csv} has the reasons")
    if not best[0]["is_whole_training"]:
        print("No trial was trained to its end: the best is of those with a part of their steps.")
    print(f"Saved: {directory.csv}, {directory.front}, {directory.plot}")
    print(f"The best, trained again: python tools/train.py --flagfile={directory.best}")


def _objective():
    return Objective(
        FLAGS.objective,
        FLAGS.macs_limit,
        FLAGS.macs_weight,
        FLAGS.macs_tolerance,
    )


def _given():
    """Returns the flags that hold for all trials, a list of str, `--name=value`."""
    given = [serialize(flag) for flag in given_flags(FLAGS)]
    aims = FLAGS["target_macs"].present or {RHO, TARGET_MACS} & set(_tuned_names())
    if FLAGS.objective == ACCURACY and not aims:
        given.append(f"--target_macs={FLAGS.macs_limit}")
    return given


def _tuned_names():
    """Returns the names of all that is varied: by --tune, or since there is a range."""
    for name in FLAGS.tune:
        if name not in TUNABLES:
            raise ValueError(f"`--tune` must be of {', '.join(TUNABLES)}. Received: {name}")
    return [name for name in TUNABLES if name in FLAGS.tune or FLAGS[f"tune_{name}"].value]


def _space():
    ranges = {}
    for name in _tuned_names():
        tunable, text = TUNABLES[name], FLAGS[f"tune_{name}"].value
        try:
            given = FLAGS[tunable.flag].value
            ranges[name] = parse_range(
                text or tunable.range,
                tunable.kind,
                given if isinstance(given, (int, float)) else None,
            )
        except ValueError as error:
            raise ValueError(f"`--tune_{name}`: {error}") from None
    if not ranges:
        raise ValueError(f"`--tune` must name something of {', '.join(TUNABLES)}. Received: none")
    names = ("backbone", "num_levels", "initial_steps", "rounds", "selector_steps")
    names += ("estimator_steps", *(TUNABLES[name].flag for name in ranges), "ratios")
    return SearchSpace(ranges, {name: FLAGS[name].value for name in names}, FLAGS.ratios_per_stage)


def _check_data(specs):
    if not FLAGS.validation_share:
        raise ValueError(
            "`--validation_share` must be above 0: trials are compared on validation images. "
            "Received: validation_share=0.0"
        )
    data_flags.batch_sizes(specs)
    data_flags.training_images(specs)


def _search(given, space):
    """Returns everything that decides which trials there are, a dict of plain values."""
    names = ("tuner", "objective", "macs_limit", "macs_weight", "macs_tolerance", "seed")
    names += ("initial_points", "hyperband_units", "hyperband_factor")
    # Data may lie elsewhere on another machine, or later.
    deciding = [flag for flag in given if flag_name(flag) not in train.FREE_FLAGS]
    return {name: FLAGS[name].value for name in names} | {
        "flags": deciding,
        "ranges": space.describe(),
    }


def _claim(directory, search, role):
    if role == WORKER and not directory.search.exists():
        print(f"Waiting for the chief, whose search will be in {directory.path}", flush=True)
        while not directory.search.exists():
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    directory.claim(search)


def _max_trials():
    if FLAGS.max_trials is None and FLAGS.tuner != HYPERBAND:
        return 10
    return FLAGS.max_trials


def _oracle(role):
    if FLAGS.initial_points and FLAGS.tuner != BAYESIAN:
        raise ValueError(
            "`--initial_points` must be left out but with --tuner=bayesian. "
            f"Received: initial_points={FLAGS.initial_points}, tuner={FLAGS.tuner}"
        )
    return make_oracle(
        FLAGS.tuner,
        _max_trials(),
        FLAGS.seed,
        FLAGS.initial_points,
        FLAGS.hyperband_units,
        FLAGS.hyperband_factor,
        FLAGS.hyperband_iterations,
        # A chief that gave up would leave its workers waiting.
        FLAGS.max_failures if role == ALONE else None,
    )


def _varied(given):
    """Returns a function from the flags of a trial to those that others do not have."""
    return lambda trial_flags: [flag for flag in trial_flags if flag not in given]


if __name__ == "__main__":
    define_flags(FLAGS)
    flags.adopt_module_key_flags(search_flags)  # So that --help shows them.
    for _name in ("output_dir", "seed"):
        flags.declare_key_flag(_name)
    app.run(main)
