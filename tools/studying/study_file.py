"""A study file: variants of one training, to be compared over seeds.

It is TOML, and names what all runs share and what each variant changes:

    description = "How much the baseline helps."
    flagfile = "../flagfiles/quickstart.flags"  # From the folder of the study file; optional.
    flags = ["--rounds=1"]                      # Of all variants; optional.

    [[variants]]
    name = "none"
    description = "The bare rewards."
    flags = ["--baseline=none"]

Flags are those of tools/train.py. They apply from left to right: the flagfile's, those of all
variants, the variant's.
"""

import dataclasses
import pathlib
import re
import tomllib

from absl import flags

# A variant's name is that of a folder.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_FLAG = re.compile(r"--(?P<name>[A-Za-z]\w*)(=.*)?", re.DOTALL)
# The study gives them to every run; a flagfile belongs in the entry of that name.
_NOT_ALLOWED = ("output_dir", "seed", "flagfile")
_STUDY_KEYS = {"description": str, "flagfile": str, "flags": list, "variants": list}
_VARIANT_KEYS = {"name": str, "description": str, "flags": list}


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        name: str, different from that of every other variant.
        description: str, a sentence.
        flags: tuple of str, `--name=value`, for tools/train.py; all of them, in order.
    """

    name: str
    description: str
    flags: tuple


@dataclasses.dataclass(frozen=True)
class Study:
    """What a study file says.

    Attributes:
        name: str, the file's name without its ending.
        description: str, a sentence.
        variants: tuple of `Variant`, at least one.
    """

    name: str
    description: str
    variants: tuple

    def select(self, names):
        """Returns the variants of those names, a list in the study's order.

        Args:
            names: list of str.

        Raises:
            ValueError: if there is no variant of a name.
        """
        known = [variant.name for variant in self.variants]
        for name in names:
            if name not in known:
                raise ValueError(f"`--only` must be of {', '.join(known)}. Received: {name}")
        return [variant for variant in self.variants if variant.name in names]


def read_study(path):
    """Reads a study file.

    Args:
        path: str or path.

    Returns:
        A `Study`.

    Raises:
        FileNotFoundError: if the file, or the flagfile it names, does not exist.
        ValueError: if the file is not as it must be.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"`--study` must be a file that exists. Received: study={path}")
    try:
        content = tomllib.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} must be TOML. Received: {error}") from None
    _check_keys(path, "the study", content, _STUDY_KEYS, ("variants",))
    shared = _flagfile_flags(path, content.get("flagfile"))
    shared += _check_flags(path, "`flags` of the study", content.get("flags", []))
    variants = tuple(_variant(path, entry, shared) for entry in content["variants"])
    names = [variant.name for variant in variants]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"{path} must have at least one variant, each name once. Received: {', '.join(names)}"
        )
    return Study(path.stem, content.get("description", ""), variants)


def _variant(path, entry, shared):
    if not isinstance(entry, dict):
        raise ValueError(f"{path} must have variants as [[variants]]. Received: {entry!r}")
    _check_keys(path, "a variant", entry, _VARIANT_KEYS, _VARIANT_KEYS)
    if not _NAME.fullmatch(entry["name"]):
        raise ValueError(
            f"{path} must have variants named with letters, digits, - and _. "
            f"Received: {entry['name']!r}"
        )
    own = _check_flags(path, f"`flags` of '{entry['name']}'", entry["flags"])
    return Variant(entry["name"], entry["description"], (*shared, *own))


def _check_keys(path, what, table, kinds, required):
    for key, value in table.items():
        if key not in kinds:
            raise ValueError(f"{path} must have in {what} of {', '.join(kinds)}. Received: {key}")
        if not isinstance(value, kinds[key]):
            raise ValueError(
                f"{path} must have a {kinds[key].__name__} as `{key}` of {what}. "
                f"Received: {value!r}"
            )
    for key in required:
        if key not in table:
            raise ValueError(f"{path} must have `{key}` in {what}. Received: {', '.join(table)}")


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
        return flags.FlagValues().read_flags_from_files([f"--flagfile={file}"])
    except flags.Error:
        raise FileNotFoundError(
            f"{path} must have a `flagfile` that exists, from its own folder. Received: {file}"
        ) from None
