"""Flags that say how to train: lengths, rates, and the method's settings."""

import keras
from absl import flags
from elastic_tf_tools import model_flags  # noqa: F401 (the preset sets flags of it)
from elastic_tf_tools.data_flags import parses
from elastic_tf_tools.flag_values import parse_per_task
from elastic_tf_tools.preset_flag import define_preset

import elastic_tf
from elastic_tf.policies.initial_distributions import INITIAL_DISTRIBUTIONS
from elastic_tf.training.learning_rates import SHAPES
from elastic_tf.training.macs_price import SCOPES
from elastic_tf.training.selector_loss import BASELINES, COSTS, CREDITS, SELECTOR_GRADIENTS
from elastic_tf.training.settings import ESTIMATOR_CHOICES, PAPER

FLAGS = flags.FLAGS
_NONE = "none"

flags.DEFINE_integer("seed", 0, "Seed of weights, data order, augmentation and models drawn.", 0)
flags.DEFINE_integer("initial_steps", 78_200, "Steps of the initial stage.", 0)
flags.DEFINE_integer("rounds", 10, "Rounds of the alternation.", 0)
flags.DEFINE_integer("selector_steps", 4_693, "Selector steps in a round.", 1)
flags.DEFINE_integer("estimator_steps", 15_642, "Estimator steps in a round, but the last.", 1)
flags.DEFINE_float("learning_rate", 0.1, "Estimator's rate in the initial stage, > 0.", 1e-9)
flags.DEFINE_enum(
    "learning_rate_shape",
    "cosine",
    SHAPES,
    "'step': decay in the initial stage, and again over the rounds, as the next four flags say; "
    "'cosine': from --learning_rate to 0 over all of the estimator's steps, and over the rounds "
    "from --selector_learning_rate to 0.",
)
flags.DEFINE_float(
    "alternation_learning_rate", 0.1, "Estimator's rate in the first round, > 0.", 1e-9
)
flags.DEFINE_list(
    "initial_decay_at",
    ["0.5", "0.75"],
    "Shares of the initial stage where the rate decays, (0, 1).",
)
flags.DEFINE_list(
    "round_decay_after", ["3", "6"], "Numbers of rounds, >= 1, after which the rate decays."
)
flags.DEFINE_float("learning_rate_decay", 0.1, "Factor of each decay, in (0, 1].", 1e-9, 1.0)
flags.DEFINE_float("selector_learning_rate", 1e-3, "Selector's rate (Adam), > 0.", 1e-9)
flags.DEFINE_string(
    "l2", "1e-4", "L2 weight of the estimator's variables, >= 0: one number, or task=X,..."
)
flags.DEFINE_string(
    "loss_weight",
    "1",
    "Weight of the losses, > 0: one number, or task=X,...; less of it for a task that is learned "
    "easily leaves more of the trunk to the others.",
)

flags.DEFINE_enum(
    "initial_distribution",
    "proposed",
    sorted(INITIAL_DISTRIBUTIONS),
    "Which models the estimator trains in the initial stage.",
)
flags.DEFINE_float(
    "full_share",
    0.75,
    "Share of full models in 'proposed'. Not used with distillation.",
    0.0,
    1.0,
)
flags.DEFINE_float(
    "initial_mix",
    0.1,
    "Share of an estimator batch in the alternation with models of the initial distribution.",
    0.0,
    1.0,
)
flags.DEFINE_float(
    "priced_mix",
    0.4,
    "Share of the others, the selector's models, that it chooses at prices of compute drawn for "
    "each image, cheaper and dearer than its present choice.",
    0.0,
    1.0,
)
flags.DEFINE_enum(
    "estimator_choice",
    "greedy",
    ESTIMATOR_CHOICES,
    "Which of the selector's models train in the rest of it: the most likely, or drawn ones.",
)
flags.DEFINE_float(
    "distillation_weight",
    0.7,
    "How much the full model, which then runs on every image too, teaches the others; 0 for none.",
    0.0,
    1.0,
)
flags.DEFINE_enum("cost", "macs", COSTS, "What the reward charges for.")
flags.DEFINE_enum("credit", "instance", CREDITS, "Who pays: each image, or the batch's mean.")
flags.DEFINE_float(
    "cost_exponent",
    1.0,
    "Power of the cost in the reward, >= 1: 2 draws all images to the same cost, 1 does not.",
    1.0,
)
flags.DEFINE_float("rho", 1.0, "The larger, the less cost weighs against accuracy; > 0.", 1e-9)
flags.DEFINE_string(
    "target_macs",
    None,
    "Mean share of MACs, in (0, 1], selector included, that the price of compute is adapted to: "
    "one number, or task=X,...; --rho where left out, or 'none', where a flagfile has one.",
)
flags.DEFINE_enum("target_scope", "task", SCOPES, "Who meets it: every task, or their mean.")
flags.DEFINE_enum(
    "selector_gradient",
    "minimum_risk",
    sorted(SELECTOR_GRADIENTS),
    "How the selector learns: from rewards of models drawn; by its preference among models drawn "
    "at several prices; or through the network itself by a straight-through Gumbel-softmax.",
)
flags.DEFINE_float("temperature", 1.0, "Of the Gumbel-softmax, > 0.", 1e-9)
flags.DEFINE_enum("baseline", "leave_one_out", BASELINES, "Baseline of the rewards.")
flags.DEFINE_integer("samples_per_image", 4, "Models drawn per image in a selector step.", 1)
flags.DEFINE_float("entropy_weight", 0.0, "Weight of the selector's entropy, per nat.", 0.0)
flags.DEFINE_float(
    "exploration_weight",
    0.003,
    "Weight of the divergence of a uniform choice from the selector's, per nat.",
    0.0,
)
flags.DEFINE_float(
    "guess_weight",
    0.3,
    "Weight of the cross-entropy of the class that the selector guesses; 0 trains no guess.",
    0.0,
)
flags.DEFINE_float(
    "epsilon_decay", 0.0, "Exploration: epsilon is this to the power of the step.", 0.0, 1.0
)
define_preset(
    "preset",
    {"paper": PAPER | {"selector_features": "pooled", "learning_rate_shape": "step"}},
    "Settings of the method by name, in place of the flags before it; flags behind it change "
    "single ones.",
)


@flags.validator("target_macs", "must be numbers in (0, 1]: X, or task=X,...; or none")
def _target_macs_parses(text):
    return text in (None, _NONE) or parses(text, float, lambda share: 0 < share <= 1)


@flags.validator("l2", "must be numbers >= 0: X, or task=X,...")
def _l2_parses(text):
    return parses(text, float, lambda weight: weight >= 0)


@flags.validator("loss_weight", "must be numbers > 0: X, or task=X,...")
def _loss_weight_parses(text):
    return parses(text, float, lambda weight: weight > 0)


@flags.validator("initial_decay_at", "must be shares in (0, 1)")
def _initial_decay_is_valid(shares):
    return _all_valid(shares, float, lambda share: 0 < share < 1)


@flags.validator("round_decay_after", "must be integers >= 1")
def _round_decay_is_valid(counts):
    return _all_valid(counts, int, lambda count: count >= 1)


def _target_macs():
    if FLAGS.target_macs in (None, _NONE):
        return None
    return parse_per_task(FLAGS.target_macs, float)


def compile_model(model):
    """Compiles a `DeepElasticNetwork` as the flags say."""
    model.compile(
        optimizer=keras.optimizers.SGD(FLAGS.learning_rate, momentum=0.9, nesterov=True),
        selector_optimizer=keras.optimizers.Adam(_selector_rate(model)),
        stages=elastic_tf.StageSchedule(
            FLAGS.initial_steps, FLAGS.rounds, FLAGS.selector_steps, FLAGS.estimator_steps
        ),
        learning_rate=elastic_tf.StagedLearningRate(
            FLAGS.learning_rate,
            FLAGS.alternation_learning_rate,
            [float(share) for share in FLAGS.initial_decay_at],
            [int(count) for count in FLAGS.round_decay_after],
            FLAGS.learning_rate_decay,
            FLAGS.learning_rate_shape,
        ),
        settings=elastic_tf.MethodSettings(
            initial_distribution=FLAGS.initial_distribution,
            full_share=FLAGS.full_share,
            initial_mix=FLAGS.initial_mix,
            priced_mix=FLAGS.priced_mix,
            estimator_choice=FLAGS.estimator_choice,
            distillation_weight=FLAGS.distillation_weight,
            l2=parse_per_task(FLAGS.l2, float),
            loss_weight=parse_per_task(FLAGS.loss_weight, float),
            cost=FLAGS.cost,
            credit=FLAGS.credit,
            cost_exponent=FLAGS.cost_exponent,
            rho=FLAGS.rho,
            target_macs=_target_macs(),
            target_scope=FLAGS.target_scope,
            selector_gradient=FLAGS.selector_gradient,
            temperature=FLAGS.temperature,
            baseline=FLAGS.baseline,
            samples_per_image=FLAGS.samples_per_image,
            entropy_weight=FLAGS.entropy_weight,
            exploration_weight=FLAGS.exploration_weight,
            guess_weight=FLAGS.guess_weight,
            epsilon_decay=FLAGS.epsilon_decay,
        ),
    )


def _selector_rate(model):
    """Returns the selector's learning rate: a float, or a schedule over its optimizer's updates.

    There is one update for each task and step; at the estimator's steps of the guess, if there is
    one.
    """
    rate = FLAGS.selector_learning_rate
    if FLAGS.learning_rate_shape == "step" or not FLAGS.rounds:
        return rate
    constant, falling = 0, FLAGS.rounds * FLAGS.selector_steps
    if FLAGS.guess_weight and FLAGS.selector_features == "confident":
        constant = FLAGS.initial_steps
        falling += (FLAGS.rounds - 1) * FLAGS.estimator_steps
    return keras.optimizers.schedules.CosineDecay(
        rate,
        decay_steps=len(model.tasks) * falling,
        warmup_target=rate if constant else None,  # From the rate to itself: it stays.
        warmup_steps=len(model.tasks) * constant,
    )


def _all_valid(texts, kind, is_valid):
    try:
        return all(is_valid(kind(text)) for text in texts)
    except ValueError:
        return False
