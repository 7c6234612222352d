"""Flags: made of the settings' own fields, parsed, read, and written for other processes.

A command is a module with a docstring, `define_flags(values)` and `main(values)`, where `values` is
an `absl.flags.FlagValues`; `run` is its way in. No flag is global. `RESUMES = True` says that the
same command line goes on with what an earlier one has left.
"""

import contextlib
import dataclasses
import errno
import pathlib
import shutil
import sys
import textwrap

from elastic_tf_tools.flag_values import parse_value, syntax, value_text
from elastic_tf_tools.interruption import one_line_ends
from elastic_tf_tools.training_settings import SETTINGS, TrainingSettings, flag_name, setting_fields

from absl import flags, logging

from elastic_tf.settings import check_value, setting

FOLDER = pathlib.Path(__file__).parent
# Not of a section: it is of the data, the network and the training.
_SEED = dataclasses.fields(TrainingSettings)[-1]


def setting_names(*sections):
    """Returns the names of the flags of some sections of `SETTINGS`, of all where left out."""
    return [flag_name(field) for _, field in setting_fields(*sections or SETTINGS)]


def define_settings(values, *sections):
    """Defines a flag for every setting of some sections of `SETTINGS`, in their order."""
    for section, field in setting_fields(*sections):
        _define(field, section, values, field.default)


def define_training_settings(values):
    """Defines all flags of `TrainingSettings`, and those that stand for several."""
    define_settings(values, *SETTINGS)
    _define(_SEED, "optimizers", values, _SEED.default)
    paper = {
        flag_name(field): field.metadata["paper"]
        for _, field in setting_fields(*SETTINGS)
        if "paper" in field.metadata
    }
    _define_stand_in(
        "preset",
        "'paper': the paper's method, in place of the flags before it; flags behind it change "
        "single settings.",
        lambda text: paper if text == "paper" else _refuse("preset", "paper", text),
        "method",
        values,
    )
    _define_stand_in(
        "rho",
        "The paper's rho, 1/price: the larger, the less cost weighs against accuracy; > 0.",
        lambda text: {"price": 1 / _positive("rho", text)},
        "method",
        values,
    )


def define(values, name, default, help, kind, is_required=False, **metadata):
    """Defines a flag of a command's own, which is checked, read and shown as a setting's is.

    Args:
        values: `FlagValues`.
        name: str.
        default, help, kind, **metadata: see `elastic_tf.settings.setting`; without a default it may
            be `None`.
        is_required: bool. Whether it must be given. Defaults to `False`.
    """
    field = setting(default, help, kind, **metadata)
    field.name = name
    _define(field, "command", values, default)
    if is_required:
        flags.mark_flag_as_required(name, values)


def define_run(values, *changeable):
    """Defines --model_dir, and data settings that may be others than in the run's training.

    Args:
        values: `FlagValues`.
        *changeable: names of data settings beside the tasks and those that a run may go on with.
    """
    define(values, "model_dir", None, "Output directory of the training run.", str, True)
    for section, field in setting_fields("data"):
        if field.metadata.get("resume") or field.name in ("tasks", *changeable):
            _define(field, section, values, default=None, otherwise=" (as in training)")


def read_run(values):
    """Returns what `define_run` defined, as given: the path, and a dict of data settings."""
    names = [name for name in setting_names("data") if name in values and values[name].present]
    return values["model_dir"].value, {name: values[name].value for name in names}


def define_budget(values):
    """Defines --budget, of commands that measure a network's choice."""
    define(
        values,
        "budget",
        None,
        "Mean MACs per image that the selector's choice is held to, a share of the full model's, "
        "selector included; the selector's own choice where left out.",
        float,
        above=0.0,
        high=1.0,
    )


def define_search_evaluations(values):
    """Defines --search_evaluations, of commands that test a network."""
    define(
        values,
        "search_evaluations",
        None,
        "Fixed models tried, on the validation images, in search of the best at every cost, which "
        "second looks are made of too; 0 for neither. Where left out, as many image evaluations as "
        "the selector's training had passes of the estimator, and 120 models at least.",
        int,
        low=0,
    )


def read_settings(section, values):
    """Returns the settings of a section as the flags say.

    Args:
        section: str, of `SETTINGS`.
        values: parsed `FlagValues`.

    Raises:
        ValueError: if they do not go together.
    """
    found = {field.name: values[flag_name(field)].value for _, field in setting_fields(section)}
    return SETTINGS[section](**found)


def read_training_settings(values):
    """Returns the `TrainingSettings` as the flags say; errors as of `read_settings`."""
    sections = {section: read_settings(section, values) for section in SETTINGS}
    return TrainingSettings(**sections, seed=values["seed"].value)


def given(values, names):
    """Returns those flags that were given, for another process: a list of str, `--name=value`.

    Flags that stand for several have set these, and are not passed on themselves.

    Args:
        values: parsed `FlagValues`.
        names: iterable of str.
    """
    return [serialize(name, values[name].value) for name in names if values[name].present]


def serialize(name, value):
    """Returns a flag as on a command line, `--name=value`; every value comes back as it is."""
    return f"--{name}={value_text(value)}"


def define_renamed(values, **renamed):
    """Defines flags of earlier versions, each of which says what it is called now."""
    for name, now in renamed.items():

        def refuse(text, name=name, now=now):
            raise ValueError(f"`--{name}` is called `--{now}` now. Received: {name}={text}")

        _define_stand_in(name, "", refuse, "other", values)


def run(command, argv=None):
    """Runs a command with the flags of a command line.

    Args:
        command: module, see above; or its name in `sys.modules`.
        argv: list of str, the command and its arguments. Defaults to `sys.argv`.
    """
    with contextlib.suppress(AttributeError):  # Of what takes the place of standard output.
        # Its encoding may lack a character of a class name or of a path, which is no reason to end.
        sys.stdout.reconfigure(errors="backslashreplace")
    command = sys.modules[command] if isinstance(command, str) else command
    argv = list(sys.argv if argv is None else argv)
    values = command_flags(command)
    with one_line_ends(resumes=getattr(command, "RESUMES", False)):
        if {"--help", "-h", "--helpshort", "--helpfull"} & set(argv):
            print(help_text(command.__doc__, values))
            return
        with one_line_errors():
            parse(values, argv)
        logging.set_verbosity(values["verbosity"].value)
        command.main(values)


def command_flags(command):
    """Returns fresh `FlagValues` with all flags of a command, a module (see above)."""
    values = flags.FlagValues()
    values.set_gnu_getopt()  # Flags may come behind arguments.
    command.define_flags(values)
    flags.DEFINE_integer(
        "verbosity",
        logging.WARNING,
        "Log lines of other libraries: -1 for warnings, 0 for all.",
        flag_values=values,
        module_name="other",
    )
    return values


def parse(values, argv):
    """Parses a command line into `FlagValues`.

    Flagfiles and study files that ship with the product are found by their names wherever it is
    installed. What is no flag is in `values.arguments`.

    Raises:
        ValueError: in one line, if a flag is unknown or its value is none that it can have.
    """
    try:
        rest = values([_with_shipped_file(argument) for argument in argv])
    except flags.Error as error:
        raise ValueError(" ".join(str(error).split())) from None
    object.__setattr__(values, "arguments", rest[1:])


def check_no_arguments(values):
    """Raises a `ValueError` if a command line holds anything but flags."""
    if values.arguments:
        raise ValueError(f"Arguments must be flags, --name=value. Received: {values.arguments}")


@contextlib.contextmanager
def one_line_errors():
    """Turns errors about bad input into a line on stderr and exit status 2.

    Only set-up belongs inside: an error in the middle of training is shown whole.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        known = (ValueError, FileNotFoundError, FileExistsError)
        if not isinstance(error, known) and error.errno != errno.ENAMETOOLONG:
            raise
        text = " ".join(str(error).splitlines())  # A value may hold line breaks.
        sys.stderr.write(f"error: {text}\n")
        sys.exit(2)


def help_text(docstring, values):
    """Returns what --help prints: the command's docstring, and its flags by section."""
    order = ["command", *SETTINGS, "other"]
    sections = values.flags_by_module_dict()
    parts = [docstring.strip()]
    for section in sorted(sections, key=order.index):
        lines = [_help_line(flag) for flag in sections[section] if flag.help]
        parts.append("\n".join([f"{section} flags:", *lines]))
    return "\n\n".join(parts) + "\n  --flagfile: A file with flags, one per line."


def _help_line(flag):
    default = "" if flag.default is None else f" ({value_text(flag.default)})"
    return textwrap.fill(
        f"--{flag.name}: {flag.help}{default}",
        width=min(100, max(50, shutil.get_terminal_size((100, 24)).columns)),
        initial_indent="  ",
        subsequent_indent="      ",
        break_on_hyphens=False,
    )


class _SettingParser(flags.ArgumentParser):
    """From text to a setting's value, checked by what its field says of it."""

    def __init__(self, field):
        super().__init__()
        self.field = field

    def parse(self, argument):
        value = argument
        if isinstance(argument, str):
            value = parse_value(argument, self.field.metadata)
        check_value(self.field, value)
        return value


class _StandIn(flags.Flag):
    """A flag that stands for others, in its place on the command line."""

    def __init__(self, name, help, expand, flag_values):
        super().__init__(flags.ArgumentParser(), None, name, None, help)
        self.help = help  # Of one without, --help does not speak.
        self.expand = expand
        self.flag_values = flag_values

    def parse(self, argument):
        try:
            expanded = self.expand(argument)
        except ValueError as error:
            raise flags.IllegalFlagValueError(str(error)) from None
        for name, value in expanded.items():
            self.flag_values[name].parse(value_text(value))
        self.value = argument
        self.present += 1


def _define(field, section, values, default, otherwise=""):
    known = field.metadata
    is_bool = known["kind"] is bool
    form = "" if is_bool else f" [{syntax(known)}]"
    help = f"{known['help']}{form}{otherwise}"
    name, parser = flag_name(field), _SettingParser(field)
    flag = flags.Flag(parser, None, name, default, help, boolean=is_bool)
    flags.DEFINE_flag(flag, values, module_name=section)


def _define_stand_in(name, help, expand, section, values):
    flags.DEFINE_flag(_StandIn(name, help, expand, values), values, module_name=section)


def _positive(name, text):
    with contextlib.suppress(ValueError):
        if float(text) > 0:
            return float(text)
    return _refuse(name, "a number above 0", text)


def _refuse(name, expected, text):
    raise ValueError(f"`--{name}` must be {expected}. Received: {name}={text}")


def _with_shipped_file(argument):
    name, is_value, path = argument.partition("=")
    if not is_value or name.lstrip("-") not in ("flagfile", "study"):
        return argument
    if not pathlib.Path(path).exists():
        for folder in ("flagfiles", "studies"):
            shipped = FOLDER / folder / pathlib.Path(path).name
            if shipped.exists():
                return f"{name}={shipped}"
    elif name.lstrip("-") == "flagfile" and pathlib.Path(path).is_file():
        _check_encoding(path)
    return argument


def _check_encoding(path):
    """Raises a `ValueError` for a flagfile whose first flag would be lost, or that is no text."""
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        received = "another encoding"
    else:
        if not text.startswith("\ufeff"):
            return
        received = "a byte order mark before it"
    raise ValueError(
        f"`--flagfile` must be text in UTF-8. Received: flagfile={path}, with {received}"
    )
