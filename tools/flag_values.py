"""Values of settings as the text of a flag, and back."""

import csv
import io

from elastic_tf.settings import describe_range

_NONE = "none"


def syntax(known):
    """Returns what a flag's text may be, in words; `known` is a field's metadata."""
    if known["kind"] is object:
        parts = ["numbers, with ',' between levels and ';' between blocks"]
    else:
        parts = [describe_range(known)]
    parts += ["each, with ',' between"] * bool(known.get("is_list"))
    parts += ["or task=X,..."] * bool(known.get("per_task"))
    parts += [f"or {_NONE}"] * bool(known.get("optional"))
    return ", ".join(parts)


def parse_value(text, known):
    """Returns the value that a text stands for; `known` is a field's metadata.

    Raises:
        ValueError: if it is none of the kind. Its range is not looked at.
    """
    kind = known["kind"]
    if known.get("optional") and text.lower() in ("", _NONE):
        return None
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if kind is object:
            return _parse_ratios(text)
        if known.get("is_list"):
            (items,) = csv.reader([text], strict=True) if text else [[]]
            return tuple(kind(item.strip()) for item in items)
        if known.get("per_task") and "=" in text:
            pairs = [item.split("=") for item in text.split(",")]
            return {name.strip(): kind(value) for name, value in pairs}
        return text if text in known.get("choices", ()) else kind(text)
    except (KeyError, ValueError, csv.Error):
        raise ValueError(f"must be {syntax(known)}. Received: {text}") from None


def _parse_ratios(text):
    """Parses `"0,0.5,1"` to a tuple of floats, or `"0,1;0.5,1"` to one tuple per block."""
    blocks = tuple(tuple(float(ratio) for ratio in of.split(",")) for of in text.split(";"))
    return blocks[0] if len(blocks) == 1 else blocks


def value_text(value):
    """Returns a setting's value as a text from which `parse_value` makes it again."""
    if value is None:
        return _NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ",".join(f"{name}={of}" for name, of in value.items())
    if not isinstance(value, (list, tuple)):
        return str(value)
    if value and isinstance(value[0], (list, tuple)):
        return ";".join(map(value_text, value))
    line = io.StringIO()  # Paths in an item may have a comma.
    csv.writer(line, lineterminator="").writerow(value)
    return line.getvalue()
