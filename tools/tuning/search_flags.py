"""Flags of tools/tune.py beside those of tools/train.py."""

from absl import flags
from elastic_tf_tools.tuning.oracles import RANDOM, TUNERS

from elastic_tf.tuning.objectives import ACCURACY, OBJECTIVES
from elastic_tf.tuning.ranges import TUNABLES

_TUNED = (
    "levels",
    "ratios",
    "initial_mix",
    "learning_rate",
    "selector_learning_rate",
    "selector_hidden_ratio",
)


def define_flags(values):
    """Adds the flags of this script to `absl.flags.FlagValues`.

    They are not defined on import, as other scripts have flags of the same names.
    """
    flags.DEFINE_enum(
        "tuner",
        RANDOM,
        TUNERS,
        "Who chooses the trials: chance; hyperband, which trains many for a part of the steps, and "
        "goes on with the best from their checkpoints; or a Gaussian process.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_trials",
        None,
        "Trials of the whole search, >= 1; 10 where left out, but with hyperband all it needs.",
        1,
        flag_values=values,
    )
    flags.DEFINE_enum(
        "objective",
        ACCURACY,
        OBJECTIVES,
        "What is maximised, on validation images: accuracy within --macs_limit; accuracy minus "
        "--macs_weight times the share of MACs; or the mean accuracy over all budgets.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "macs_limit",
        None,
        "Mean MACs that --objective=accuracy allows, in (0, 1], a share of the full model's, "
        "selector included. Networks aim at it, unless --target_macs or rho say otherwise.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "macs_tolerance",
        0.02,
        "How far above it the validation images may come, >= 0, a share of MACs: they are few.",
        0.0,
        flag_values=values,
    )
    flags.DEFINE_float(
        "macs_weight",
        0.1,
        "Lambda of accuracy_minus_macs, >= 0: accuracy that all of the MACs are worth, a share.",
        0.0,
        flag_values=values,
    )
    flags.DEFINE_list("tune", list(_TUNED), f"What is varied: {', '.join(TUNABLES)}.", values)
    flags.DEFINE_bool(
        "ratios_per_stage",
        False,
        "Whether every stage of the backbone has ratios of its own.",
        flag_values=values,
    )
    for name, tunable in TUNABLES.items():
        flags.DEFINE_string(
            f"tune_{name}",
            None,
            f"Range of {name} ({tunable.help}): LOW..HIGH, a list A,B,C, or one number; behind a "
            f"number x stands for the value of --{tunable.flag}. {tunable.range} where left out.",
            flag_values=values,
        )
    _define_tuner_flags(values)


def _define_tuner_flags(values):
    flags.DEFINE_integer(
        "initial_points",
        None,
        "Trials that bayesian draws by chance at first, >= 1; a third of all where left out.",
        1,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "hyperband_units",
        9,
        "The whole training in units of the shortest part that hyperband gives a trial, >= 1.",
        1,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "hyperband_factor",
        3,
        "Of so many trials one goes on, >= 2.",
        2,
        None,
        values,
    )
    flags.DEFINE_integer(
        "hyperband_iterations", 1, "How often hyperband does it all, >= 1.", 1, None, values
    )
    flags.DEFINE_integer(
        "max_failures",
        5,
        "Failed trials in a row that end the search, >= 1.",
        1,
        None,
        values,
    )
