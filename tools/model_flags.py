"""Flags that say which network to build."""

from absl import flags
from elastic_tf_tools.flag_values import parse_ratios

import elastic_tf
from elastic_tf.layers.level_scores import FEATURES

FLAGS = flags.FLAGS

flags.DEFINE_string(
    "backbone",
    "wrn-32-4",
    "Trunk of the estimator: wrn-DEPTH-WIDEN, resnet-DEPTH[-WIDTH] or vgg-DEPTH[-WIDTH].",
)
flags.DEFINE_integer(
    "num_levels", 4, "Levels per block, with the paper's ratios. Not used with --ratios.", 2
)
flags.DEFINE_string(
    "ratios",
    None,
    "Share of a block's hidden channels at each level, increasing, last 1 (0,0.25,0.5,1); or one "
    "such list per block, with ';' between them.",
)
flags.DEFINE_float(
    "selector_hidden_ratio",
    0.25,
    "Hidden width of a selector block as a share of its stage's, in (0, 1].",
    0.0,
    1.0,
)
flags.DEFINE_integer(
    "trunk_size", 32, "Feature size, pixels, that the stems' strides aim at; less is faster.", 1
)
flags.DEFINE_integer(
    "selector_trunk_size",
    None,
    "The same for the selector, pixels; that of the trunk where left out.",
    1,
)
flags.DEFINE_enum(
    "selector_features",
    "confident",
    FEATURES,
    "What the selector's scores see: its pooled features (the paper's), the same normalised, or "
    "also how sure its own guess of the class is.",
)
flags.DEFINE_enum(
    "execution",
    "grouped",
    ["grouped", "masked"],
    "How levels are run: sliced kernels per group of images, or full width and masks (slow).",
)
flags.DEFINE_float("bn_momentum", 0.9, "Momentum of batch normalisation's averages.", 0.0, 0.9999)


@flags.validator("backbone", "is not understood; examples: wrn-32-4, resnet-42, vgg-14-32")
def _backbone_parses(name):
    try:
        elastic_tf.parse_backbone(name)
    except ValueError:
        return False
    return True


@flags.validator("ratios", "must be numbers with ',' between levels and ';' between blocks")
def _ratios_parse(text):
    try:
        return text is None or bool(parse_ratios(text))
    except ValueError:
        return False


def build_model(tasks):
    """Returns the network that the flags describe, for tasks as `elastic_tf` takes them."""
    residual = elastic_tf.parse_backbone(FLAGS.backbone).residual
    if FLAGS.ratios:
        ratios = parse_ratios(FLAGS.ratios)
    else:
        ratios = elastic_tf.default_ratios(FLAGS.num_levels, residual)
    return elastic_tf.DeepElasticNetwork(
        tasks,
        backbone=FLAGS.backbone,
        ratios=ratios,
        selector_hidden_ratio=FLAGS.selector_hidden_ratio,
        trunk_size=FLAGS.trunk_size,
        selector_trunk_size=FLAGS.selector_trunk_size,
        selector_features=FLAGS.selector_features,
        execution=FLAGS.execution,
        momentum=FLAGS.bn_momentum,
        seed=FLAGS.seed,
    )
