"""Flags: made of the settings' own fields, parsed, read, and written for other processes.

A command is a module with a docstring, `define_flags(values)` and `main(values)`, where `values` is
an `absl.flags.FlagValues`; `run` is its way in. No flag is global.
"""

import contextlib
import dataclasses
import pathlib
import sys
import textwrap

import keras
from absl import flags, logging

import elastic_tf
import pipelines
from elastic_tf.settings import check_value, describe_range, paper_values

SETTINGS = {
    "data": pipelines.DataSettings,
    "network": elastic_tf.NetworkSettings,
    "schedule": elastic_tf.StageSchedule,
    "method": elastic_tf.MethodSettings,
    "optimizers": elastic_tf.OptimizerSettings,
}
_FOLDER = pathlib.Path(__file__).parent
_NONE = "none"
# Flags whose field has a name that says less on a command line.
_FLAG_OF = {"momentum": "bn_momentum"}


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """All settings of a training.

    Attributes:
        data: `pipelines.DataSettings`.
        network: `elastic_tf.NetworkSettings`.
        schedule: `elastic_tf.StageSchedule`.
        method: `elastic_tf.MethodSettings`.
        optimizers: `elastic_tf.OptimizerSettings`.
        seed: int >= 0.
    """

    data: pipelines.DataSettings
    network: elastic_tf.NetworkSettings
    schedule: elastic_tf.StageSchedule
    method: elastic_tf.MethodSettings
    optimizers: elastic_tf.OptimizerSettings
    seed: int = 0

    def flat(self, with_resumable=True):
        """Returns the settings by the names of their flags, a dict for JSON.

        Args:
            with_resumable: bool. Whether to have those that may change when a run is continued.
        """
        found = {"seed": self.seed}
        for section, cls in SETTINGS.items():
            for field in dataclasses.fields(cls):
                if with_resumable or not field.metadata.get("resume"):
                    found[flag_name(field)] = getattr(getattr(self, section), field.name)
        return found

    @classmethod
    def from_flat(cls, found):
        """Returns the settings that `flat` gave; what is missing has its default."""
        sections = {
            section: settings(
                **{
                    field.name: found[flag_name(field)]
                    for field in dataclasses.fields(settings)
                    if flag_name(field) in found
                }
            )
            for section, settings in SETTINGS.items()
        }
        return cls(seed=found.get("seed", 0), **sections)

    def build_model(self, specs):
        """Returns the compiled network for tasks.

        Args:
            specs: sequence of `pipelines.TaskSpec`.
        """
        keras.utils.set_random_seed(self.seed)
        model = elastic_tf.DeepElasticNetwork(
            pipelines.network_tasks(specs), **self.network.arguments(), seed=self.seed
        )
        model.compile(self.schedule, self.method, self.optimizers)
        return model


def flag_name(field):
    """Returns the name of a setting's flag, a str; `field` is a dataclass field."""
    return _FLAG_OF.get(field.name, field.name)


def define_settings(values, *sections):
    """Defines a flag for every setting of some sections of `SETTINGS`, in their order."""
    for section in sections:
        for field in dataclasses.fields(SETTINGS[section]):
            _define(field, section, values)


def define_training_settings(values):
    """Defines all flags of `TrainingSettings`, and those that stand for several."""
    define_settings(values, *SETTINGS)
    flags.DEFINE_integer(
        "seed",
        0,
        "Seed of weights, data order, augmentation and models drawn, >= 0.",
        0,
        flag_values=values,
        module_name="optimizers",
    )
    paper = {
        _FLAG_OF.get(name, name): value
        for cls in SETTINGS.values()
        if hasattr(cls, "paper")
        for name, value in paper_values(cls).items()
    }
    _define_stand_in(
        "preset",
        "'paper': the paper's method, in place of the flags before it; flags behind it change "
        "single settings.",
        lambda text: {"paper": paper}[text],
        "method",
        values,
    )
    _define_stand_in(
        "rho",
        "The paper's rho, 1 / price: the larger, the less cost weighs against accuracy; > 0.",
        lambda text: {"price": 1 / _positive(text)},
        "method",
        values,
    )


def read_settings(section, values):
    """Returns the settings of a section as the flags say.

    Args:
        section: str, of `SETTINGS`.
        values: parsed `FlagValues`.

    Raises:
        ValueError: if they do not go together.
    """
    cls = SETTINGS[section]
    return cls(**{field.name: values[flag_name(field)].value for field in dataclasses.fields(cls)})


def read_training_settings(values):
    """Returns the `TrainingSettings` as the flags say; errors as of `read_settings`."""
    return TrainingSettings(
        **{section: read_settings(section, values) for section in SETTINGS},
        seed=values["seed"].value,
    )


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
    return f"--{name}={_text(value)}"


def setting_names(*sections):
    """Returns the names of the flags of some sections of `SETTINGS`, of all where left out."""
    return [
        flag_name(field)
        for section in sections or SETTINGS
        for field in dataclasses.fields(SETTINGS[section])
    ]


def define_renamed(values, **renamed):
    """Defines flags of earlier versions, each of which says what it is called now."""

    def refuse(name, now):
        def parse(text):
            raise ValueError(f"`--{name}` is called `--{now}` now. Received: {name}={text}")

        return parse

    for name, now in renamed.items():
        _define_stand_in(name, "", refuse(name, now), "", values)


def run(command, argv=None):
    """Runs a command with the flags of a command line.

    Args:
        command: module, see above; or its name in `sys.modules`.
        argv: list of str, the command and its arguments. Defaults to `sys.argv`.
    """
    command = sys.modules[command] if isinstance(command, str) else command
    argv = list(sys.argv if argv is None else argv)
    values = flags.FlagValues()
    values.set_gnu_getopt()  # Flags may come behind arguments.
    command.define_flags(values)
    flags.DEFINE_integer(
        "verbosity",
        logging.WARNING,
        "Log lines of other libraries: -1 for warnings, 0 for all.",
        flag_values=values,
        module_name="",
    )
    if {"--help", "-h", "--helpshort", "--helpfull"} & set(argv):
        print(help_text(command.__doc__, values))
        return
    with one_line_errors():
        parse(values, argv)
    logging.set_verbosity(values["verbosity"].value)
    command.main(values)


def parse(values, argv):
    """Parses a command line into `FlagValues`.

    Flagfiles and study files that ship with the product are found by their names wherever it is
    installed. What is no flag is in `values.arguments`.

    Raises:
        ValueError: in one line, if a flag is unknown or its value is none that it can have.
    """
    shipped = [_with_shipped_file(argument) for argument in argv]
    try:
        rest = values(shipped)
    except flags.Error as error:
        raise ValueError(" ".join(str(error).split())) from None
    values.__dict__["arguments"] = rest[1:]


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
    except (ValueError, FileNotFoundError, FileExistsError) as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)


def help_text(docstring, values):
    """Returns what --help prints: the command's docstring, and its flags by section."""
    parts = [docstring.strip()]
    for section, found in sorted(values.flags_by_module_dict().items(), key=_place):
        lines = [_help_line(flag) for flag in found if flag.help]
        if lines:
            parts.append("\n".join([f"{section or 'other flags'}:", *lines]))
    return "\n\n".join(parts)


def _place(item):
    section, _ = item
    order = ["command", *SETTINGS]
    return (order.index(section) if section in order else len(order), section)


def _help_line(flag):
    default = "" if flag.default is None else f" ({_text(flag.default)})"
    return textwrap.fill(
        f"--{flag.name}: {flag.help}{default}",
        width=100,
        initial_indent="  ",
        subsequent_indent="      ",
        break_on_hyphens=False,
    )


class _SettingParser(flags.ArgumentParser):
    """From text to a setting's value, checked by what its field says of it."""

    def __init__(self, field):
        super().__init__()
        self.field = field
        self.syntactic_help = describe_range(field.metadata)

    def parse(self, argument):
        known = self.field.metadata
        value = _parse(argument, known) if isinstance(argument, str) else argument
        check_value(self.field, value)
        return value


class _Serializer(flags.ArgumentSerializer):
    def serialize(self, value):
        return _text(value)


class _StandIn(flags.Flag):
    """A flag that stands for others, in its place on the command line."""

    def __init__(self, name, help, expand, flag_values):
        super().__init__(flags.ArgumentParser(), None, name, None, help)
        self.expand = expand
        self.flag_values = flag_values

    def parse(self, argument):
        try:
            expanded = self.expand(argument)
        except KeyError:
            raise flags.IllegalFlagValueError(
                f"flag --{self.name}={argument}: no such value"
            ) from None
        except ValueError as error:
            raise flags.IllegalFlagValueError(str(error)) from None
        for name, value in expanded.items():
            self.flag_values[name].parse(_text(value))
        self.value = argument
        self.present += 1


def _define(field, section, values):
    known = field.metadata
    name = flag_name(field)
    if known["kind"] is bool:
        flags.DEFINE_bool(
            name, field.default, known["help"], flag_values=values, module_name=section
        )
        return
    flags.DEFINE(
        _SettingParser(field),
        name,
        field.default,
        f"{known['help']} {_syntax(known)}",
        flag_values=values,
        serializer=_Serializer(),
        module_name=section,
    )


def _define_stand_in(name, help, expand, section, values):
    flags.DEFINE_flag(_StandIn(name, help, expand, values), values, module_name=section)


def _syntax(known):
    parts = [] if known["kind"] is object else [describe_range(known)]
    parts += ["each, with ',' between"] * bool(known.get("is_list"))
    parts += ["or task=X,..."] * bool(known.get("per_task"))
    parts += [f"or {_NONE}"] * bool(known.get("optional"))
    return f"[{', '.join(parts)}]" if parts else ""


def _parse(text, known):
    kind = known["kind"]
    if known.get("optional") and text.lower() in ("", _NONE):
        return None
    try:
        if kind is object:
            return _parse_ratios(text)
        if known.get("is_list"):
            return tuple(kind(item.strip()) for item in text.split(","))
        if known.get("per_task") and "=" in text:
            pairs = [item.split("=") for item in text.split(",")]
            return {name.strip(): kind(value) for name, value in pairs}
        if text in known.get("choices", ()):
            return text
        return kind(text)
    except ValueError:
        raise ValueError(f"must be {describe_range(known)}. Received: {text}") from None


def _parse_ratios(text):
    """Parses `"0,0.5,1"` to a tuple of floats, or `"0,1;0.5,1"` to one tuple per block."""
    blocks = tuple(tuple(float(ratio) for ratio in of.split(",")) for of in text.split(";"))
    return blocks[0] if len(blocks) == 1 else blocks


def _text(value):
    if value is None:
        return _NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ",".join(f"{name}={of}" for name, of in value.items())
    if isinstance(value, (list, tuple)):
        nested = bool(value) and isinstance(value[0], (list, tuple))
        return (";" if nested else ",").join(map(_text, value))
    return str(value)


def _positive(text):
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise ValueError(f"`--rho` must be a number above 0. Received: rho={text}")
    return value


def _with_shipped_file(argument):
    name, is_value, path = argument.partition("=")
    if is_value and name.lstrip("-") in ("flagfile", "study") and not pathlib.Path(path).exists():
        for folder in ("flagfiles", "studies"):
            shipped = _FOLDER / folder / pathlib.Path(path).name
            if shipped.exists():
                return f"{name}={shipped}"
    return argument
