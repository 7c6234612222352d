"""The shapes of the trunks: names such as `wrn-32-4`, and what they stand for."""

import dataclasses
import itertools
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
        kind: str, a key of `BLOCK_KINDS`.
    """

    filters: int
    strides: int
    hidden_filters: int
    skippable: bool
    kind: str


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A trunk of stages, each a row of elastic blocks of one width.

    Attributes:
        name: str, e.g. `"wrn-32-4"`.
        stem_filters: int. Channels that the stems deliver.
        stage_filters: tuple of ints. Width of each stage; all but the first enter with stride 2.
            The selector has a block for each.
        blocks: tuple of a `BlockShape` for each block.
        blocks_of_stages: tuple of ints, how many blocks each stage has.
        stem: str, a key of `STEM_KINDS`.
        head: str, a key of `HEAD_KINDS`.
    """

    name: str
    stem_filters: int
    stage_filters: tuple[int, ...]
    blocks: tuple[BlockShape, ...]
    blocks_of_stages: tuple[int, ...]
    stem: str = "plain"
    head: str = "plain"

    @property
    def num_blocks(self):
        return len(self.blocks)

    @property
    def stages(self):
        """Tuple of slices of the blocks, one for each stage."""
        ends = [*itertools.accumulate(self.blocks_of_stages, initial=0)]
        return tuple(map(slice, ends, ends[1:]))

    @property
    def residual(self):
        """Whether any block may be skipped, and ratios start with 0."""
        return any(block.skippable for block in self.blocks)

    def block_ratios(self, ratios=None):
        """Returns the ratios of every block, a tuple of tuples of floats.

        Args:
            ratios: as of `Estimator`. Given once for all, blocks that cannot be skipped have one
                halfway to 1 behind the others in place of a 0: of (0, 1/4, 1/2, 1) they have (1/4,
                1/2, 3/4, 1). Everything has to pass them, and narrower ones keep the models of a
                pretrained network from learning anything.

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
            (*of[1:-1], (of[-2] + 1) / 2, 1.0) if of[0] == 0 and not skips else of
            for of, skips in zip(per_block, skippable, strict=True)
        )


# Of each family: kind of blocks, stages, convolutions in a block.
FAMILIES = {
    "wrn": ("basic", 3, 2),
    "resnet": ("basic", 4, 2),
    "bottleneck": ("bottleneck", 4, 3),
    "mobile": ("inverted_residual", 3, 3),
    "vgg": ("vgg", 3, 2),
}
# Networks that there are trained weights for: stem and head; and rows of blocks, their number,
# kernel size, stride of the first, and output channels. Channels of the stem, which has the first
# row of the published network within it. Stages are what is between two strides.
MOBILES = {
    "efficientnet-lite0": (
        ("lite0", "mobile"),
        (
            (2, 3, 2, 24),
            (2, 5, 2, 40),
            (3, 3, 2, 80),
            (3, 5, 1, 112),
            (4, 5, 2, 192),
            (1, 3, 1, 320),
        ),
    ),
    "mobilenetv2": (
        ("mobilenetv2", "mobile"),
        (
            (2, 3, 2, 24),
            (3, 3, 2, 32),
            (4, 3, 2, 64),
            (3, 3, 1, 96),
            (3, 3, 2, 160),
            (1, 3, 1, 320),
        ),
    ),
}
_MOBILE_STEM_FILTERS = 16
# Blocks of each stage of Keras' networks, whose last block has the stride. The stem's channels, and
# hidden channels of the first stage.
RESNETS = {"resnet50v2": (3, 4, 6, 3), "resnet101v2": (3, 4, 23, 3)}
_RESNET_FILTERS = 64


def parse_backbone(name):
    """Returns the backbone that a name stands for.

    | name | stages | widths | example |
    | --- | --- | --- | --- |
    | `wrn-DEPTH-WIDEN` | 3 residual | 16, 32, 64 times WIDEN, stem 16 | `wrn-32-4` |
    | `resnet-DEPTH[-WIDTH]` | 4 residual | WIDTH (64) doubling, stem WIDTH | `resnet-42` |
    | `bottleneck-DEPTH[-WIDTH]` | 4 of bottlenecks | 4 * WIDTH (64) doubling | `bottleneck-38` |
    | `mobile-DEPTH[-WIDTH]` | 3 inverted residual | WIDTH (64) doubling | `mobile-29-16` |
    | `vgg-DEPTH[-WIDTH]` | 3 of VGG | WIDTH (64) doubling, stem WIDTH | `vgg-14-32` |
    | `efficientnet-lite0` | 4 inverted residual | 24, 40, 112, 320 | |
    | `mobilenetv2` | 4 inverted residual | 24, 32, 96, 320 | |
    | `resnet50v2`, `resnet101v2` | 4 of bottlenecks | 256, 512, 1024, 2048 | |

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
    if name in MOBILES:
        return _mobile(name)
    if name in RESNETS:
        return _resnet(name)
    match = re.fullmatch(rf"({'|'.join(FAMILIES)})-(\d+)(?:-(\d+))?", str(name))
    if not match or (match[1] == "wrn" and match[3] is None):
        raise ValueError(
            "`backbone` must look like wrn-DEPTH-WIDEN, or FAMILY-DEPTH[-WIDTH] with a family of "
            f"{', '.join(list(FAMILIES)[1:])}, or be one of {', '.join((*MOBILES, *RESNETS))}. "
            f"Received: backbone={name}"
        )
    family, depth, width = match[1], int(match[2]), int(match[3] or 64)
    kind, num_stages, convs = FAMILIES[family]
    extra = 4 if family == "wrn" and depth % 6 == 4 else 2
    count, rest = divmod(depth - extra, convs * num_stages)
    if rest or count < 1 or width < 1:
        raise ValueError(
            f"`backbone` of family '{family}' needs a depth of 2 + {convs * num_stages} * blocks "
            f"and a width >= 1. Received: backbone={name}"
        )
    first = {"wrn": 16, "bottleneck": 4}.get(family, 1) * width
    stem = 16 if family == "wrn" else width
    filters = tuple(first * 2**stage for stage in range(num_stages))
    rows = [(count, kind, min(2, 1 + stage), filters[stage]) for stage in range(num_stages)]
    blocks = _blocks(rows, stem, expands_input=family == "mobile")
    return Backbone(name, stem, filters, blocks, (count,) * num_stages)


def _mobile(name):
    (stem, head), published = MOBILES[name]
    kinds = {3: "inverted_residual", 5: "inverted_residual_5x5"}
    rows = [(count, kinds[size], strides, filters) for count, size, strides, filters in published]
    starts = [i for i, row in enumerate(rows) if row[2] == 2] + [len(rows)]
    stages = [rows[start:end] for start, end in zip(starts, starts[1:], strict=False)]
    return Backbone(
        name,
        _MOBILE_STEM_FILTERS,
        tuple(stage[-1][-1] for stage in stages),
        _blocks(rows, _MOBILE_STEM_FILTERS, expands_input=True),
        tuple(sum(row[0] for row in stage) for stage in stages),
        stem,
        head,
    )


def _resnet(name):
    rows = []
    for stage, count in enumerate(RESNETS[name]):
        filters = 4 * _RESNET_FILTERS * 2**stage
        last = 2 if stage < 3 else 1
        rows += [
            (1, "bottleneck_v2_projected", 1, filters),
            (count - 2, "bottleneck_v2", 1, filters),
            (1, "bottleneck_v2", last, filters),
        ]
    blocks = _blocks(rows, _RESNET_FILTERS, expands_input=False)
    stages = tuple(4 * _RESNET_FILTERS * 2**stage for stage in range(4))
    return Backbone(name, _RESNET_FILTERS, stages, blocks, RESNETS[name], "resnetv2")


def _blocks(rows, channels, expands_input):
    """Returns a `BlockShape` for each block, a tuple.

    Args:
        rows: list of tuples: number of blocks, kind, strides of the first, output channels.
        channels: int, of the stem.
        expands_input: bool. Whether hidden channels are counted by the input's, not the output's.
    """
    shapes = []
    for count, name, strides, filters in rows:
        kind = block_kind(name)
        for index in range(count):
            of_block = strides if index == 0 else 1
            hidden = round((channels if expands_input else filters) * kind.expansion)
            skippable = kind.has_shortcut(channels, filters, of_block)
            shapes.append(BlockShape(filters, of_block, max(1, hidden), skippable, name))
            channels = filters
    return tuple(shapes)
