"""The settings of a network's architecture."""

import dataclasses

import keras

from elastic_tf.costs.ratios import default_ratios
from elastic_tf.layers.elastic_block import EXECUTIONS
from elastic_tf.layers.level_scores import FEATURES
from elastic_tf.models.backbones import parse_backbone
from elastic_tf.models.channel_order import ORDERS
from elastic_tf.models.precision import POLICIES, fastest_policy
from elastic_tf.settings import Settings, setting

NETWORK, TRUNK, NONE = SELECTORS = ("network", "trunk", "none")


@keras.saving.register_keras_serializable("elastic_tf")
@dataclasses.dataclass(frozen=True)
class NetworkSettings(Settings):
    """Which network to build: `DeepElasticNetwork(tasks, **NetworkSettings().arguments())`.

    The defaults are the network's own; `paper()` are the paper's.

    Raises:
        ValueError: if a setting is out of range, `backbone` is not understood or given beside
            `init_from`, or `ratios` are none for it.

    Reference: Ahn et al., 2019, supplement section 1; the method's section 3.
    """

    backbone: str | None = setting(
        "wrn-32-4",
        "Trunk of the estimator: wrn-DEPTH-WIDEN; FAMILY-DEPTH[-WIDTH] of resnet, bottleneck, "
        "mobile and vgg; efficientnet-lite0, mobilenetv2, resnet50v2 or resnet101v2. None where "
        "init_from has its own.",
        str,
        optional=True,
    )
    num_levels: int = setting(
        4,
        "Levels per block, with the paper's ratios. Not used with ratios.",
        int,
        low=2,
        tune="2..5",
    )
    ratios: tuple | None = setting(
        None,
        "Share of a block's hidden channels at each level, increasing, last 1 (0,0.25,0.5,1); or "
        "one such list per block, with ';' between them.",
        object,
        optional=True,
        tune="0.25..0.75",
    )
    init_from: str | None = setting(
        None,
        "Trained network that the full level starts as, in place of backbone: efficientnet-lite0, "
        "mobilenetv2, resnet50v2, resnet101v2; resnet50v2=FILE.h5; FILE.keras of one of these or "
        "of ours; or the folder of a finished run, to which further tasks are added.",
        str,
        optional=True,
    )
    channel_order: str = setting(
        "l1",
        "Order of its hidden channels: the most important first, or as they are.",
        str,
        choices=ORDERS,
    )
    selector: str = setting(
        NETWORK,
        "What chooses: a small network of its own that looks at the image ('network'); heads "
        "within the trunk, at the entry of every stage, that read its features ('trunk'); or "
        "nothing ('none'), with rounds=0: every image is on the full model but at a budget.",
        str,
        choices=SELECTORS,
    )
    selector_hidden_ratio: float = setting(
        0.25,
        "Hidden width of a selector block as a share of its stage's.",
        float,
        above=0.0,
        high=1.0,
        tune="0.0625..0.5",
        sampling="log",
    )
    trunk_size: int = setting(
        32, "Feature size, pixels, that the stems' strides aim at; less is faster.", int, low=1
    )
    input_size: int | None = setting(
        None,
        "Height and width, pixels, that the network resizes images to before the estimator's stem; "
        "as they are where left out. A pretrained network wants 64 or more.",
        int,
        low=1,
        optional=True,
    )
    selector_trunk_size: int | None = setting(
        None,
        "The same for the selector, pixels; that of the trunk where left out.",
        int,
        low=1,
        optional=True,
    )
    selector_features: str = setting(
        "confident",
        "What the selector's scores see: its pooled features (the paper's), the same normalised, "
        "or also how sure its own guess of the class is.",
        str,
        choices=FEATURES,
        paper="pooled",
    )
    execution: str = setting(
        "auto",
        "How levels are run: sliced kernels per group of images ('grouped'), full width and masks "
        "('masked', slow), or what is faster.",
        str,
        choices=EXECUTIONS,
    )
    momentum: float = setting(
        0.9, "Weight of the past in batch normalisation's averages.", float, low=0.0, high=0.9999
    )

    precision: str = setting(
        "float32",
        "What blocks compute in; 'auto': bfloat16 where the device has units for it, else float32.",
        str,
        choices=(*POLICIES, "auto"),
    )

    def __post_init__(self):
        super().__post_init__()
        if self.init_from is None:
            shape = parse_backbone(self.backbone)
        elif self.backbone in (None, type(self).backbone):
            object.__setattr__(self, "backbone", None)
        else:
            raise ValueError(
                "`backbone` must be left out where `init_from` is given, whose it is. "
                f"Received: backbone={self.backbone}, init_from={self.init_from}"
            )
        if self.ratios is not None:  # Lists, as from JSON, become tuples.
            if self.init_from is None:  # Else the backbone is not known yet.
                shape.block_ratios(self.ratios)
            ratios = tuple(tuple(of) if isinstance(of, list) else of for of in self.ratios)
            object.__setattr__(self, "ratios", ratios)

    def arguments(self):
        """Returns the arguments of `ElasticNetwork` but for the tasks, a dict.

        Of a network that starts from none: see `initial_network`.
        """
        arguments = self.get_config()
        precision = arguments.pop("precision")
        for name in ("init_from", "channel_order"):  # Of `elasticize`.
            arguments.pop(name)
        arguments["selector_kind"] = arguments.pop("selector")
        arguments["dtype"] = fastest_policy() if precision == "auto" else precision
        num_levels = arguments.pop("num_levels")
        if self.ratios is None:
            residual = parse_backbone(self.backbone).residual
            arguments["ratios"] = default_ratios(num_levels, residual)
        return arguments
