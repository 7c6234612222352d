"""The flags of tools/train.py that a command was given, to be passed on to trainings."""

from absl import flags
from elastic_tf_tools import data_flags, model_flags, train, training_flags

# tools/evaluate.py defines it; tools/train.py takes it too.
_OF_THE_TEST = ("search_evaluations",)
_OF_ONE_TRAINING = ("until_step", "final_test")
# Of tools/train.py, but said by the command that trains.
OF_THE_COMMAND = ("output_dir", "seed", "preset", *_OF_ONE_TRAINING)


def training_flag_names():
    """Returns the names of the flags of tools/train.py that can be passed on, a list of str."""
    by_module = flags.FLAGS.flags_by_module_dict()
    modules = (data_flags, model_flags, training_flags, train)
    names = [flag.name for module in modules for flag in by_module[module.__name__]]
    return [name for name in (*names, *_OF_THE_TEST) if name not in OF_THE_COMMAND]


def given_flags(values):
    """Returns the flags of tools/train.py that were given, a list of `absl.flags.Flag`.

    Args:
        values: `absl.flags.FlagValues` of the command.

    Raises:
        ValueError: if one was given that says how far a single training goes.
    """
    for name in _OF_ONE_TRAINING:
        if values[name].present:
            raise ValueError(
                f"`--{name}` must not be given: it is for a single training. "
                f"Received: {name}={values[name].value}"
            )
    # A preset has set the flags that it stands for, and is not passed on itself: it would undo what
    # was changed behind it. Where it leaves a flag without a value, that is the flag's default.
    found = [values[name] for name in training_flag_names()]
    return [flag for flag in found if flag.present and flag.value is not None]


def serialize(flag):
    """Returns an `absl.flags.Flag` as on a command line, `--name=value`, also if it is boolean."""
    return f"--{flag.name}={str(flag.value).lower()}" if flag.boolean else flag.serialize()


def flag_name(argument):
    """Returns the name in a flag as it is written on a command line, e.g. `--rho=2`."""
    return argument.lstrip("-").split("=", 1)[0]
