"""The shapes of the trunks: names such as `wrn-32-4`, and what they stand for."""

import dataclasses
import re
import typing

from elastic_tf.costs.ratios import default_ratios, validate_block_ratios
from elastic_tf.layers.block_kinds import block_kind


class BlockShape(typing.NamedTuple):
    """One block of a trunk.

    Attributes:
        filters: int. Output channels.
        strides: int, pixels.
        hidden_filters: int. Hidden channels at full width.
        skippable: bool. Whether level 0 may be its shortcut.
    """

    filters: int
    strides: int
    hidden_filters: int
    skippable: bool


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A trunk of stages, each a row of elastic blocks of one width.

    Attributes:
        name: str, e.g. `"wrn-32-4"`.
        kind: str, a key of `BLOCK_KINDS`.
        stem_filters: int. Channels that the stems deliver.
        stage_filters: tuple of ints. Width of each stage; all but the first enter with stride 2.
        blocks_per_stage: int.
        expands_input: bool. Whether hidden channels are counted by the input's, not the output's.
    """

    name: str
    kind: str
    stem_filters: int
    stage_filters: tuple[int, ...]
    blocks_per_stage: int
    expands_input: bool = False

    @property
    def num_blocks(self):
        return len(self.stage_filters) * self.blocks_per_stage

    @property
    def blocks(self):
        """List of a `BlockShape` for each block."""
        kind, channels, shapes = block_kind(self.kind), self.stem_filters, []
        for stage, filters in enumerate(self.stage_filters):
            for index in range(self.blocks_per_stage):
                strides = 2 if stage > 0 and index == 0 else 1
                hidden = round((channels if self.expands_input else filters) * kind.expansion)
                skippable = kind.has_shortcut(channels, filters, strides)
                shapes.append(BlockShape(filters, strides, max(1, hidden), skippable))
                channels = filters
        return shapes

    @property
    def residual(self):
        """Whether any block may be skipped, and ratios start with 0."""
        return any(block.skippable for block in self.blocks)

    def block_ratios(self, ratios=None):
        """Returns the ratios of every block, a tuple of tuples of floats.

        Args:
            ratios: as of `Estimator`. Given once for all, blocks that cannot be skipped take half
                of the next ratio in place of a 0.

        Raises:
            ValueError: if they do not fit, see `validate_block_ratios`.
        """
        if ratios is None:
            ratios = default_ratios(4, self.residual)
        skippable = [block.skippable for block in self.blocks]
        if isinstance(ratios, (list, tuple)) and isinstance(next(iter(ratios), 0), (list, tuple)):
            return validate_block_ratios(ratios, self.num_blocks, skippable)
        per_block = validate_block_ratios(ratios, self.num_blocks, self.residual)
        return tuple(
            (of[1] / 2, *of[1:]) if of[0] == 0 and not skips else of
            for of, skips in zip(per_block, skippable, strict=True)
        )


# Kind of blocks, stages, convolutions in a block.
_FAMILIES = {
    "wrn": ("basic", 3, 2),
    "resnet": ("basic", 4, 2),
    "bottleneck": ("bottleneck", 4, 3),
    "mobile": ("inverted_residual", 3, 3),
    "vgg": ("vgg", 3, 2),
}


def parse_backbone(name):
    """Returns the backbone that a name stands for.

    | name | stages | widths | example |
    | --- | --- | --- | --- |
    | `wrn-DEPTH-WIDEN` | 3 residual | 16, 32, 64 times WIDEN, stem 16 | `wrn-32-4` |
    | `resnet-DEPTH[-WIDTH]` | 4 residual | WIDTH (64) doubling, stem WIDTH | `resnet-42` |
    | `bottleneck-DEPTH[-WIDTH]` | 4 of bottlenecks | 4 * WIDTH (64) doubling | `bottleneck-38` |
    | `mobile-DEPTH[-WIDTH]` | 3 inverted residual | WIDTH (64) doubling | `mobile-29-16` |
    | `vgg-DEPTH[-WIDTH]` | 3 of VGG | WIDTH (64) doubling, stem WIDTH | `vgg-14-32` |

    DEPTH counts the stem, the convolutions of all blocks, and the head: 2 + 2 * stages * blocks;
    for bottlenecks and inverted residuals 2 + 3 * stages * blocks. For `wrn`, the usual count of 4
    more than a multiple of 6 (`wrn-16-2`) is understood too.

    Args:
        name: str.

    Returns:
        A `Backbone`.

    Raises:
        ValueError: if the name is not understood, or its depth gives no whole number of blocks.

    Reference: Ahn et al., 2019; Zagoruyko and Komodakis, 2016 (arXiv 1605.07146).
    """
    match = re.fullmatch(rf"({'|'.join(_FAMILIES)})-(\d+)(?:-(\d+))?", str(name))
    if not match or (match[1] == "wrn" and match[3] is None):
        raise ValueError(
            "`backbone` must look like wrn-DEPTH-WIDEN, or FAMILY-DEPTH[-WIDTH] with a family of "
            f"{', '.join(list(_FAMILIES)[1:])}. Received: backbone={name}"
        )
    family, depth, width = match[1], int(match[2]), int(match[3] or 64)
    kind, num_stages, convs = _FAMILIES[family]
    extra = 4 if family == "wrn" and depth % 6 == 4 else 2
    blocks, rest = divmod(depth - extra, convs * num_stages)
    if rest or blocks < 1 or width < 1:
        raise ValueError(
            f"`backbone` of family '{family}' needs a depth of 2 + {convs * num_stages} * blocks "
            f"and a width >= 1. Received: backbone={name}"
        )
    first = {"wrn": 16, "bottleneck": 4}.get(family, 1) * width
    return Backbone(
        name=name,
        kind=kind,
        stem_filters=16 if family == "wrn" else width,
        stage_filters=tuple(first * 2**stage for stage in range(num_stages)),
        blocks_per_stage=blocks,
        expands_input=family == "mobile",
    )
