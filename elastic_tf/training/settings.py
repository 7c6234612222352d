"""The method's settings: what is trained towards, and the departures from the paper."""

import dataclasses

import keras
import tensorflow as tf

from elastic_tf.settings import Settings, of_task, setting
from elastic_tf.training.estimator_step import INITIAL_DISTRIBUTIONS
from elastic_tf.training.freezing import FREEZES
from elastic_tf.training.macs_price import SCOPES
from elastic_tf.training.rewards import BASELINES, COSTS, CREDITS
from elastic_tf.training.selector_loss import SELECTOR_GRADIENTS

ESTIMATOR_CHOICES = ("greedy", "sampled")


@keras.saving.register_keras_serializable("elastic_tf")
@dataclasses.dataclass(frozen=True)
class MethodSettings(Settings):
    """Settings of the two updates. The defaults keep the choice alive; `paper()` is the paper's.

    Raises:
        ValueError: if a setting is out of range, or two do not go together.

    Reference: the method's sections 4 and 5.
    """

    initial_distribution: str = setting(
        "proposed",
        "Which models the estimator trains in the initial stage.",
        str,
        choices=INITIAL_DISTRIBUTIONS,
        paper="proposed",
    )
    full_share: float = setting(
        0.75,
        "Share of full models in the proposed distribution. Not used with distillation, where "
        "images run on the full model anyway.",
        float,
        low=0.0,
        high=1.0,
        paper=0.75,
        tune="0.25..0.9",
    )
    initial_mix: float = setting(
        0.1,
        "Share of an estimator batch in the alternation with models of the initial distribution; "
        "without it models that the selector does not favour decay, and its choice collapses.",
        float,
        low=0.0,
        high=1.0,
        paper=0.0,
        tune="0..0.5",
    )
    priced_mix: float = setting(
        0.4,
        "Share of the others, the selector's models, that it chooses at prices of MACs drawn for "
        "each image, so that models cheaper and dearer than its present choice stay fit for use.",
        float,
        low=0.0,
        high=1.0,
        paper=0.0,
    )
    estimator_choice: str = setting(
        "greedy",
        "Which of the selector's models train in the rest of it: the most likely, or drawn ones.",
        str,
        choices=ESTIMATOR_CHOICES,
        paper="greedy",
    )
    distillation_weight: float = setting(
        0.7,
        "How much the full model, which then runs on a share of the images too, teaches the "
        "others; 0 for none.",
        float,
        low=0.0,
        high=1.0,
        paper=0.0,
    )
    teacher_share: float = setting(
        1.0,
        "Share of the images that the full model runs on as the teacher, with distillation; half "
        "makes a step a third shorter, and costs accuracy at the same number of steps.",
        float,
        above=0.0,
        high=1.0,
    )
    smallest_share: float = setting(
        0.0,
        "Share of every estimator batch on the cheapest model.",
        float,
        low=0.0,
        below=1.0,
        paper=0.0,
    )
    unsure_weight: float = setting(
        0.0,
        "With distillation: how much more an image counts in the full model's loss the less "
        "probable its class is by its own model, so that the full model is good at what cheaper "
        "ones are unsure of.",
        float,
        low=0.0,
        paper=0.0,
    )
    freeze: str = setting(
        "none",
        "What keeps its weights while the rest trains: 'norms', normalisations with their running "
        "averages; 'early', stems and the first half of the blocks; 'trunk', all blocks.",
        str,
        choices=FREEZES,
    )
    frozen_tasks: tuple = setting(
        (),
        "Tasks that do not train, nor what the selector has for all tasks; with freeze=trunk "
        "nothing changes for them. With a run as init_from and freeze=trunk: that run's tasks.",
        str,
        is_list=True,
    )
    label_smoothing: float = setting(
        0.0,
        "Share of each label that is spread evenly over all classes, in the estimator's "
        "cross-entropy with labels; rewards, reported losses and what the full model teaches are "
        "as without.",
        float,
        low=0.0,
        below=1.0,
        paper=0.0,
    )
    l2: float | dict = setting(
        1e-4,
        "Weight of half the sum of squares of the estimator's variables.",
        float,
        low=0.0,
        per_task=True,
    )
    loss_weight: float | dict = setting(
        1.0,
        "Weight of the losses, l2 aside; less of it for a task that is learned easily leaves more "
        "of the trunk to the others.",
        float,
        above=0.0,
        per_task=True,
    )
    cost: str = setting(
        "macs",
        "What an image costs in the reward: its share of MACs, or of channels.",
        str,
        choices=COSTS,
        paper="density",
    )
    credit: str = setting(
        "instance",
        "Who pays: each image, or the batch's mean.",
        str,
        choices=CREDITS,
        paper="batch",
    )
    cost_exponent: float = setting(
        1.0,
        "Power of the cost in the reward: 2 draws all images to the same cost, 1 does not.",
        float,
        low=1.0,
        paper=2.0,
    )
    price: float = setting(
        1.0,
        "Price of MACs in the reward, the paper's 1/rho; the more, the more cost weighs against "
        "accuracy. The price to start with where there is a target.",
        float,
        above=0.0,
        paper=0.1,
        tune="0.1..3",
        sampling="log",
    )
    target_macs: float | dict | None = setting(
        None,
        "Mean share of MACs, selector included, that the price is adapted to.",
        float,
        above=0.0,
        high=1.0,
        per_task=True,
        optional=True,
        paper=None,
        tune="0.2..0.7",
    )
    target_scope: str = setting(
        "task", "Who meets it: every task, or their mean.", str, choices=SCOPES
    )
    selector_gradient: str = setting(
        "minimum_risk",
        "How the selector learns: from rewards of models drawn; by its preference among models "
        "drawn at several prices; or through the network itself by a straight-through "
        "Gumbel-softmax.",
        str,
        choices=tuple(sorted(SELECTOR_GRADIENTS)),
        paper="reinforce",
    )
    temperature: float = setting(1.0, "Of the Gumbel-softmax.", float, above=0.0)
    baseline: str = setting(
        "leave_one_out",
        "Baseline of the rewards: the mean of the image's other models, or none.",
        str,
        choices=BASELINES,
        paper="none",
    )
    samples_per_image: int = setting(
        4, "Models drawn per image in a selector step.", int, low=1, paper=1
    )
    entropy_weight: float = setting(
        0.0, "Weight of the selector's entropy, per nat, summed over blocks.", float, low=0.0
    )
    exploration_weight: float = setting(
        0.003,
        "Weight of the divergence of a uniform choice from the selector's, per nat; above 0 no "
        "level's probability fades away, so that a choice made early can still be mended.",
        float,
        low=0.0,
        paper=0.0,
    )
    guess_weight: float = setting(
        0.3,
        "Weight of the cross-entropy of the class that the selector guesses, also in the "
        "estimator's steps; 0 trains no guess.",
        float,
        low=0.0,
        paper=0.0,
    )
    epsilon_decay: float = setting(
        0.0,
        "Exploration: epsilon is this to the power of the step in the stage; 0 for none.",
        float,
        low=0.0,
        high=1.0,
        paper=0.99,
    )

    def __post_init__(self):
        super().__post_init__()
        if isinstance(self.target_macs, dict) and self.target_scope == "all":
            raise ValueError(
                "`target_macs` must be one number where `target_scope` is 'all'. "
                f"Received: target_macs={self.target_macs}"
            )
        self._check_samples()

    def l2_of(self, task):
        """Returns the L2 weight of a task, a float; 0 for a task that a dict leaves out."""
        return of_task(self.l2, task, 0.0)

    def loss_weight_of(self, task):
        """Returns the weight of a task's loss, a float; 1 for a task that a dict leaves out."""
        return of_task(self.loss_weight, task, 1.0)

    def epsilon(self, step):
        """Returns the share of images on random models at a step of the stage, a float32 scalar."""
        if not self.epsilon_decay:  # 0 to the power of 0 would be 1.
            return tf.zeros([])
        return tf.pow(self.epsilon_decay, tf.cast(step, tf.float32))

    def target_macs_of(self, task):
        """Returns the target of a task, a float; `None` for none."""
        return of_task(self.target_macs, task)

    def _check_samples(self):
        compares = self.selector_gradient == "minimum_risk" or (
            self.selector_gradient == "reinforce" and self.baseline == "leave_one_out"
        )
        if compares and self.samples_per_image < 2:
            raise ValueError(
                "`samples_per_image` must be an integer >= 2 for selector_gradient="
                f"{self.selector_gradient} with baseline={self.baseline}. "
                f"Received: samples_per_image={self.samples_per_image}"
            )
