"""The shapes of the trunks: names such as `wrn-32-4`, and what they stand for."""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A trunk of stages, each a row of elastic blocks of one width.

    Attributes:
        name: str, e.g. `"wrn-32-4"`.
        residual: bool. Residual blocks, or VGG's.
        stem_filters: int. Channels that the stems deliver.
        stage_filters: tuple of ints. Width of each stage; all but the first enter with stride 2.
        blocks_per_stage: int.
    """

    name: str
    residual: bool
    stem_filters: int
    stage_filters: tuple[int, ...]
    blocks_per_stage: int

    @property
    def num_blocks(self):
        return len(self.stage_filters) * self.blocks_per_stage

    @property
    def blocks(self):
        """List of `(filters, strides)`, one for each block."""
        return [
            (filters, 2 if stage > 0 and index == 0 else 1)
            for stage, filters in enumerate(self.stage_filters)
            for index in range(self.blocks_per_stage)
        ]


def parse_backbone(name):
    """Returns the backbone that a name stands for.

    | name | stages | widths | example |
    | --- | --- | --- | --- |
    | `wrn-DEPTH-WIDEN` | 3 residual | 16, 32, 64 times WIDEN, stem 16 | `wrn-32-4` |
    | `resnet-DEPTH[-WIDTH]` | 4 residual | WIDTH (64) doubling, stem WIDTH | `resnet-42` |
    | `vgg-DEPTH[-WIDTH]` | 3 of VGG | WIDTH (64) doubling, stem WIDTH | `vgg-14-32` |

    DEPTH counts the stem, two convolutions per block, and the head: 2 + 2 * stages * blocks.
    For `wrn`, the usual count of 4 more than a multiple of 6 (`wrn-16-2`) is understood too.

    Args:
        name: str.

    Returns:
        A `Backbone`.

    Raises:
        ValueError: if the name is not understood, or its depth gives no whole number of blocks.

    Reference: Ahn et al., 2019; Zagoruyko and Komodakis, 2016 (arXiv 1605.07146).
    """
    match = re.fullmatch(r"(wrn|resnet|vgg)-(\d+)(?:-(\d+))?", str(name))
    if not match or (match[1] == "wrn" and match[3] is None):
        raise ValueError(
            "`backbone` must look like wrn-DEPTH-WIDEN, resnet-DEPTH[-WIDTH] or vgg-DEPTH[-WIDTH]. "
            f"Received: backbone={name}"
        )
    family, depth, width = match[1], int(match[2]), int(match[3] or 64)
    num_stages = 4 if family == "resnet" else 3
    extra = 4 if family == "wrn" and depth % 6 == 4 else 2
    blocks, rest = divmod(depth - extra, 2 * num_stages)
    if rest or blocks < 1 or width < 1:
        raise ValueError(
            f"`backbone` of family '{family}' needs a depth of 2 + {2 * num_stages} * blocks and a "
            f"width >= 1. Received: backbone={name}"
        )
    first = 16 * width if family == "wrn" else width
    return Backbone(
        name=name,
        residual=family != "vgg",
        stem_filters=16 if family == "wrn" else width,
        stage_filters=tuple(first * 2**stage for stage in range(num_stages)),
        blocks_per_stage=blocks,
    )
