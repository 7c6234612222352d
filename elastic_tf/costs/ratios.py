"""The hierarchy of one block: which share of its hidden channels each level uses."""

import numbers


def default_ratios(num_levels, residual=True):
    """Returns the paper's ratios, generalised to any number of levels.

    A residual block halves from full width down to `2 ** -(num_levels - 2)` and puts 0 below
    it; a VGG block, which cannot be skipped, halves once more instead of the 0.

    Args:
        num_levels: int, at least 2.
        residual: bool. Whether level 0 skips the block.

    Returns:
        Tuple of `num_levels` increasing floats ending in 1.0. For four levels:
        `(0.0, 0.25, 0.5, 1.0)` (residual) or `(0.125, 0.25, 0.5, 1.0)` (VGG).

    Raises:
        ValueError: if `num_levels` is below 2.

    Reference: Ahn et al., 2019, supplement section 1.
    """
    if not isinstance(num_levels, numbers.Integral) or num_levels < 2:
        raise ValueError(f"`num_levels` must be an integer >= 2. Received: num_levels={num_levels}")
    halvings = [2.0 ** (level - num_levels + 1) for level in range(num_levels)]
    return tuple([0.0 if residual else halvings[0], *halvings[1:]])


def validate_ratios(ratios, residual=True):
    """Returns `ratios` as a tuple of floats, or says what is wrong with them.

    Args:
        ratios: iterable of at least two numbers in [0, 1], increasing, last 1.
        residual: bool. A residual block's first ratio must be 0 (level 0 is its shortcut); a
            VGG block's must be above 0.

    Returns:
        Tuple of floats.

    Raises:
        ValueError: if `ratios` breaks one of these rules.
    """
    try:
        values = tuple(float(ratio) for ratio in ratios)
    except (TypeError, ValueError):
        raise ValueError(f"`ratios` must be a list of numbers. Received: ratios={ratios}") from None
    if len(values) < 2:
        raise ValueError(f"`ratios` must hold at least two levels. Received: ratios={values}")
    if any(low >= high for low, high in zip(values, values[1:], strict=False)):
        raise ValueError(f"`ratios` must be increasing. Received: ratios={values}")
    if values[-1] != 1.0:
        raise ValueError(f"`ratios` must end with 1.0. Received: ratios={values}")
    if residual and values[0] != 0.0:
        raise ValueError(
            "`ratios` of a residual block must start with 0.0, its shortcut. "
            f"Received: ratios={values}"
        )
    if not residual and values[0] <= 0.0:
        raise ValueError(
            "`ratios` of a VGG block must start above 0.0, it cannot be skipped. "
            f"Received: ratios={values}"
        )
    return values


def validate_block_ratios(ratios, num_blocks, residual=True):
    """Returns one tuple of ratios per block, from ratios given once or per block.

    Args:
        ratios: list of floats (the same for every block), or list of `num_blocks` such lists,
            all of the same length: the selector gives every block the same number of levels.
        num_blocks: int.
        residual: bool, as in `validate_ratios`; or a list of them, one for each block, where ratios
            are given per block.

    Returns:
        Tuple of `num_blocks` tuples of floats.

    Raises:
        ValueError: if a list breaks `validate_ratios`' rules, or the lists do not fit together.
    """
    is_list = isinstance(ratios, (list, tuple))
    if not is_list or not ratios or not isinstance(ratios[0], (list, tuple)):
        return (validate_ratios(ratios, residual),) * num_blocks
    if len(ratios) != num_blocks:
        raise ValueError(
            f"`ratios` given per block must hold {num_blocks} lists, one for each block. "
            f"Received: {len(ratios)} lists"
        )
    residuals = residual if isinstance(residual, list) else [residual] * num_blocks
    per_block = tuple(map(validate_ratios, ratios, residuals))
    if len({len(block) for block in per_block}) > 1:
        raise ValueError(
            "`ratios` must have the same number of levels in every block. "
            f"Received: ratios={per_block}"
        )
    return per_block


def channels_per_level(channels, ratios):
    """Returns how many of `channels` hidden channels each level uses.

    Args:
        channels: int, the full hidden width.
        ratios: tuple of floats, as `validate_ratios` returns it.

    Returns:
        Tuple of ints, one per level: the nearest whole number, and at least 1 where the ratio
        is above 0.
    """
    return tuple(max(1, round(channels * ratio)) if ratio > 0 else 0 for ratio in ratios)
