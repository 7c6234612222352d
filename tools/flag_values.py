"""Values of flags with a structure: per task, or lists per block."""


def parse_per_task(text, kind):
    """Parses `"128"` to a number, or `"a=128,b=64"` to a dict from task name to number.

    Args:
        text: str.
        kind: `int` or `float`.

    Raises:
        ValueError: if the text is neither.
    """
    text = str(text)
    if "=" not in text:
        return kind(text)
    pairs = [item.split("=") for item in text.split(",")]
    return {name.strip(): kind(value) for name, value in pairs}


def parse_ratios(text):
    """Parses `"0,0.5,1"` to a list of floats, or `"0,1;0.5,1"` to one list per block."""
    blocks = [[float(ratio) for ratio in block.split(",")] for block in text.split(";")]
    return blocks[0] if len(blocks) == 1 else blocks
