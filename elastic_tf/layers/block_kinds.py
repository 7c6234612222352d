"""The kinds of blocks, each a description that every way of running a block walks.

Grouped, masked and gated execution (`ElasticBlock`), frozen blocks, standalone Keras networks and
the count of MACs know steps, not kinds: an entry in `BLOCK_KINDS` is all that a new kind needs.

```
basic               norm relu conv3x3(hidden, strided) | norm relu conv3x3(out)
bottleneck          norm relu conv1x1(hidden) | norm relu conv3x3(hidden, strided)
                    | norm relu conv1x1(out)
bottleneck_v2       the same, as Keras' ResNetV2 has it: symmetric padding, a last bias; and
                    "bottleneck_v2_projected", whose shortcut is a convolution of the first relu
inverted_residual   conv1x1(hidden) norm relu6 | depthwise3x3(strided) norm relu6
                    | conv1x1(out) norm(by level)
inverted_residual_5x5   the same, with a depthwise convolution of 5x5
vgg                 pool | conv3x3(hidden) norm relu | conv3x3(out) norm relu
```
"""

import dataclasses

from elastic_tf.layers.steps import Conv, Norm, named_steps

SHORTCUTS = ("pool_pad", "identity", "subsample", "projection", None)


@dataclasses.dataclass(frozen=True)
class BlockKind:
    """What a kind of block does.

    Attributes:
        steps: tuple of `Norm` and `Conv`, in order. The last `Conv` gives the block's output; every
            channel between is hidden.
        shortcut: what is added to the result: `"pool_pad"`, see `PoolPadShortcut`; `"identity"`,
            where strides and channels allow, else nothing; `"subsample"`, every second pixel where
            strides are 2; `"projection"`, a 1x1 convolution with bias of what the first step, a
            `Norm`, gives, which level 0 runs too; or `None`.
        pools: bool. Whether a max pooling comes first where the block has strides.
        expansion: float above 0. Hidden channels for each output channel, where not said otherwise.
    """

    steps: tuple
    shortcut: str | None = "pool_pad"
    pools: bool = False
    expansion: float = 1.0

    def __post_init__(self):
        if self.shortcut not in SHORTCUTS:
            raise ValueError(
                f"`shortcut` must be one of {SHORTCUTS}. Received: shortcut={self.shortcut}"
            )

    def named_steps(self):
        """Returns pairs of a step and the name of its layer: norm1, conv1, norm2 and so on."""
        return named_steps(self.steps)

    def has_shortcut(self, in_channels, filters, strides):
        """Returns whether there is something to add, and with it a level 0 that skips the rest."""
        if self.shortcut == "identity":
            return strides == 1 and in_channels == filters
        return self.shortcut is not None

    @property
    def projects(self):
        """bool, whether the first step comes before the shortcut too."""
        return self.shortcut == "projection"


_BOTTLENECK_V2 = (
    Norm(),
    Conv(1, to_hidden=True),
    Norm(),
    Conv(to_hidden=True, strided=True, symmetric=True),
    Norm(),
    Conv(1, bias=True),
)


def _inverted_residual(kernel_size):
    steps = (
        Conv(1, to_hidden=True),
        Norm("relu6"),
        Conv(kernel_size, to_hidden=True, strided=True, depthwise=True),
        Norm("relu6"),
        Conv(1),
        Norm(None, by_level=True),
    )
    return BlockKind(steps, shortcut="identity", expansion=6.0)


# Ahn et al., 2019, supplement section 1: basic and vgg. He et al., 2016 (arXiv 1603.05027):
# bottleneck. Sandler et al., 2018 (arXiv 1801.04381): inverted residual.
BLOCK_KINDS = {
    "basic": BlockKind((Norm(), Conv(to_hidden=True, strided=True), Norm(), Conv())),
    "bottleneck": BlockKind(
        (
            Norm(),
            Conv(1, to_hidden=True),
            Norm(),
            Conv(to_hidden=True, strided=True),
            Norm(),
            Conv(1),
        ),
        expansion=0.25,
    ),
    "bottleneck_v2": BlockKind(_BOTTLENECK_V2, "subsample", expansion=0.25),
    "bottleneck_v2_projected": BlockKind(_BOTTLENECK_V2, "projection", expansion=0.25),
    "inverted_residual": _inverted_residual(3),
    "inverted_residual_5x5": _inverted_residual(5),
    "vgg": BlockKind((Conv(to_hidden=True), Norm(), Conv(), Norm()), shortcut=None, pools=True),
}


def block_kind(name):
    """Returns the `BlockKind` of a name.

    Raises:
        ValueError: if there is none.
    """
    if name not in BLOCK_KINDS:
        raise ValueError(f"`kind` must be one of {tuple(BLOCK_KINDS)}. Received: kind={name}")
    return BLOCK_KINDS[name]
