"""How a model is written: its levels, block by block."""


def model_name(levels):
    """Returns e.g. `2-0-3`.

    Args:
        levels: sequence of int, one per block.
    """
    return "-".join(str(int(level)) for level in levels)
