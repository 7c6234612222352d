"""A study file: variants of one training, to be compared over seeds.

It is TOML, and names what all runs share and what each variant changes:

    description = "How much the baseline helps."
    flagfile = "../flagfiles/quickstart.flags"  # From the folder of the study file; optional.
    flags = ["--rounds=1"]                      # Of all variants; optional.

    [[variants]]
    name = "none"
    description = "The bare rewards."
    flags = ["--baseline=none"]

Flags are those of train. They apply from left to right: the flagfile's, those of all variants,
those given on the command line, the variant's.

`figure` and `claims`, both optional, name what is drawn of the runs and held against them, see
`elastic_tf.report.claims`. What makes the runs comparable may be said too, by tables of a `flag`
and why (`because`): `[[require]]` for a flag that every run must have, however it came to it,
`[[refuse]]` for one that none may have, `[[advise]]` for one without which there is a warning.
"""

import dataclasses
import pathlib
import re
import tomllib

from elastic_tf_tools import flags
from elastic_tf_tools.processes import parse_training_flags

from absl import flags as absl_flags

from elastic_tf.report.claims import CLAIMS, FIGURES

# A variant's name is that of a folder.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_FLAG = re.compile(r"--(?P<name>[A-Za-z]\w*)(=(?P<value>.*))?", re.DOTALL)
# The study gives them to every run; a flagfile belongs in the entry of that name.
_NOT_ALLOWED = ("output_dir", "seed", "flagfile")
_RULES = {"require": "must be", "refuse": "must not be", "advise": "should be"}
_STUDY_KEYS = {
    "description": str,
    "flagfile": str,
    "flags": list,
    "figure": str,
    "claims": list,
    **dict.fromkeys(_RULES, list),
    "variants": list,
}
_VARIANT_KEYS = {"name": str, "description": str, "flags": list}
_RULE_KEYS = {"flag": str, "because": str}


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        name: str, different from that of every other variant.
        description: str, a sentence.
        flags: tuple of str, `--name=value`, for train; all of them, in order.
        varied: tuple of str, the names of those that are its own.
    """

    name: str
    description: str
    flags: tuple
    varied: tuple = ()


@dataclasses.dataclass(frozen=True)
class Study:
    """What a study file says.

    Attributes:
        name: str, the file's name without its ending.
        description: str, a sentence.
        variants: tuple of `Variant`, at least one.
        figure: str, of `FIGURES`, or `None`.
        claims: tuple of str, of `CLAIMS`.
        warnings: tuple of str, one for each piece of advice that is not followed.
    """

    name: str
    description: str
    variants: tuple
    figure: str | None = None
    claims: tuple = ()
    warnings: tuple = ()

    def select(self, names):
        """Returns the variants of those names in the study's order, all for `None`; a list.

        Raises:
            ValueError: if there is no variant of a name.
        """
        known = [variant.name for variant in self.variants]
        for name in names or ():
            if name not in known:
                raise ValueError(f"`--only` must be of {', '.join(known)}. Received: {name}")
        return [variant for variant in self.variants if names is None or variant.name in names]


def read_study(path, given=()):
    """Reads a study file.

    Args:
        path: str or path.
        given: sequence of str, `--name=value`, flags of train that hold for all runs.

    Returns:
        A `Study`.

    Raises:
        FileNotFoundError: if the file, or the flagfile it names, does not exist.
        ValueError: if the file is not as it must be, or a given flag does not go with it.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"`--study` must be a file that exists. Received: study={path}")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be TOML. Received: {error}") from None
    _check_keys(path, "the study", content, _STUDY_KEYS, required=("variants",))
    _check_names(path, "figure", [content["figure"]] if "figure" in content else [], FIGURES)
    _check_names(path, "claims", content.get("claims", []), CLAIMS)
    shared = _flagfile_flags(path, content.get("flagfile"))
    shared += _check_flags(path, "`flags` of the study", content.get("flags", []))
    variants = tuple(_variant(path, entry, (*shared, *given)) for entry in content["variants"])
    names = [variant.name for variant in variants]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"{path} must have at least one variant, each name once. Received: {', '.join(names)}"
        )
    _check_given(given, variants)
    return Study(
        path.stem,
        content.get("description", ""),
        variants,
        content.get("figure"),
        tuple(content.get("claims", ())),
        _check_rules(path, content, variants),
    )


def _variant(path, entry, shared):
    _check_keys(path, "[[variants]]", entry, _VARIANT_KEYS)
    name = entry["name"]
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{path} must have variants named with letters, digits, - and _. Received: {name!r}"
        )
    own = _check_flags(path, f"`flags` of '{name}'", entry["flags"])
    try:
        varied = parse_training_flags(own)
        flags.read_training_settings(parse_training_flags([*shared, *own]))
    except ValueError as error:
        raise ValueError(f"{path}, '{name}': {error}") from None
    names = tuple(flag for flag in varied if varied[flag].present and flag != "output_dir")
    return Variant(name, entry["description"], (*shared, *own), names)


def _check_keys(path, what, table, kinds, required=None):
    """Checks a table of the file; without `required` all of its keys are."""
    if not isinstance(table, dict):
        raise ValueError(f"{path} must have tables as {what}. Received: {table!r}")
    for key, value in table.items():
        if key not in kinds:
            raise ValueError(f"{path} must have in {what} of {', '.join(kinds)}. Received: {key}")
        if not isinstance(value, kinds[key]):
            raise ValueError(
                f"{path} must have a {kinds[key].__name__} as `{key}` of {what}. "
                f"Received: {value!r}"
            )
    for key in required or kinds:
        if key not in table:
            raise ValueError(f"{path} must have `{key}` in {what}. Received: {', '.join(table)}")


def _check_names(path, key, names, known):
    for name in names:
        if name not in known:
            raise ValueError(f"{path} must have `{key}` of {', '.join(known)}. Received: {name!r}")


def _check_flags(path, what, items):
    for item in items:
        match = _FLAG.fullmatch(item) if isinstance(item, str) else None
        if not match:
            raise ValueError(f"{path} must have flags, --name=value, in {what}. Received: {item!r}")
        if match["name"] in _NOT_ALLOWED:
            raise ValueError(
                f"{path} must not have --{match['name']} in {what}: the study says it. "
                f"Received: {item!r}"
            )
    return list(items)


def _flagfile_flags(path, flagfile):
    """Returns the flags of a flagfile and of those that it names, a list of str."""
    if flagfile is None:
        return []
    file = path.parent / flagfile
    try:
        return absl_flags.FlagValues().read_flags_from_files([f"--flagfile={file}"])
    except absl_flags.Error:
        raise FileNotFoundError(
            f"{path} must have a `flagfile` that exists, from its own folder. Received: {file}"
        ) from None


def _check_given(given, variants):
    values = parse_training_flags(given)
    for name in dict.fromkeys(name for variant in variants for name in variant.varied):
        if values[name].present and values[name].value != values[name].default:
            raise ValueError(
                f"`--{name}` must not be given: the study varies it. "
                f"Received: {name}={values[name].value}"
            )


def _check_rules(path, content, variants):
    """Checks the flags of all variants; returns the warnings, a tuple of str."""
    parsed = [parse_training_flags(variant.flags) for variant in variants]
    warnings = []
    for kind in _RULES:
        for rule in content.get(kind, []):
            lines = _broken(path, kind, rule, parsed)
            if lines and kind != "advise":
                raise ValueError(lines[0])
            warnings += lines
    return tuple(dict.fromkeys(warnings))


def _broken(path, kind, rule, parsed):
    """Returns a line for every variant that a rule does not hold for, a list of str."""
    _check_keys(path, f"[[{kind}]]", rule, _RULE_KEYS)
    _check_flags(path, f"[[{kind}]]", [rule["flag"]])
    name, value = _FLAG.fullmatch(rule["flag"]).group("name", "value")
    meant = parse_training_flags([rule["flag"]])[name].value
    found = [values[name].value for values in parsed]
    return [
        f"`--{name}` {_RULES[kind]} {value}: {rule['because']}. Received: {name}={of_variant}"
        for of_variant in found
        if (of_variant == meant) == (kind == "refuse")
    ]
