"""The method's settings: what is trained towards, and the departures from the paper."""

import dataclasses

import keras

from elastic_tf.policies.initial_distributions import INITIAL_DISTRIBUTIONS
from elastic_tf.training.baselines import BASELINES
from elastic_tf.training.compute_price import SCOPES
from elastic_tf.training.rewards import COSTS, CREDITS
from elastic_tf.training.selector_loss import SELECTOR_GRADIENTS

ESTIMATOR_CHOICES = ("greedy", "sampled")


# The authors' settings, by name; method, sections 4 and 5.
PAPER = {
    "initial_distribution": "proposed",
    "full_share": 0.75,
    "initial_mix": 0.0,
    "priced_mix": 0.0,
    "estimator_choice": "greedy",
    "distillation_weight": 0.0,
    "cost": "density",
    "credit": "batch",
    "cost_exponent": 2.0,
    "rho": 10.0,
    "target_macs": None,
    "selector_gradient": "reinforce",
    "baseline": "none",
    "samples_per_image": 1,
    "entropy_weight": 0.0,
    "exploration_weight": 0.0,
    "guess_weight": 0.0,
    "epsilon_decay": 0.99,
}


@keras.saving.register_keras_serializable("elastic_tf")
@dataclasses.dataclass(frozen=True)
class MethodSettings:
    """Settings of the two updates. The defaults keep the choice alive; `paper()` is the paper's.

    Attributes:
        initial_distribution: `"proposed"`, `"uniform"` or `"random"`.
        full_share: float in [0, 1]. Share of full models in the proposed distribution. Not used
            with distillation, where every image runs on the full model anyway.
        initial_mix: float in [0, 1]. Share of an estimator batch, during the alternation, whose
            models come from the initial distribution instead of the selector. Without it the
            models that the selector does not favour decay, and its choice collapses.
        estimator_choice: `"greedy"` or `"sampled"`. Which of the selector's models the rest of that
            batch trains: its most likely ones (the paper's), or drawn ones.
        priced_mix: float in [0, 1]. Share of the selector's models there that it chooses at a price
            of MACs drawn for the image, see `randomly_priced`. Models cheaper and dearer than its
            present choice stay fit for use, by a budget too.
        distillation_weight: float in [0, 1]. Above 0 every image runs on the full model too,
            which teaches the other; see `estimator_loss`.
        l2: float >= 0, or dict of one per task. Weight of half the sum of squares of all of the
            estimator's variables.
        loss_weight: float > 0, or dict of one per task. Weight of the losses of estimator and
            selector, `l2` aside. With less of it a task that is learned easily leaves more of what
            is shared to the others.
        cost: `"density"` or `"macs"`. What the reward charges for.
        credit: `"instance"` or `"batch"`. See `reward`.
        cost_exponent: float >= 1. See `reward`.
        rho: float > 0. Inverse of the price of compute, see `reward`; the price to start with
            where there is a target.
        target_macs: float in (0, 1], or dict of one per task, or `None`. Mean share of MACs that
            the price is adapted to, selector included. See `ComputePrice`.
        target_scope: `"task"` or `"all"`. Whether every task is to meet the target, or the mean
            of their shares.
        selector_gradient: `"reinforce"`, `"minimum_risk"` or `"gumbel"`. See `selector_loss.py`.
        temperature: float > 0, of the Gumbel-softmax.
        baseline: `"leave_one_out"` or `"none"`. See `advantages`.
        samples_per_image: int >= 1. Models drawn for each image in a selector step.
        entropy_weight: float >= 0. Weight of the entropy of an image's choice, per nat, summed over
            blocks.
        exploration_weight: float >= 0. Weight of the divergence of a uniform choice from the
            selector's, see `selector_loss`. Above 0 no level's probability fades away, so that a
            choice made early, by chance, can still be mended.
        guess_weight: float >= 0. Weight of the cross-entropy of the class that the selector
            guesses, see `LevelScores`. Above 0 the guess is trained at the estimator's steps too.
        epsilon_decay: float in [0, 1). Exploration: epsilon is this to the power of the step in
            the stage; see `epsilon_mixed`.

    Raises:
        ValueError: if a setting is out of range.

    Reference: the method's sections 4 and 5.
    """

    initial_distribution: str = "proposed"
    full_share: float = 0.75
    initial_mix: float = 0.1
    priced_mix: float = 0.4
    estimator_choice: str = "greedy"
    distillation_weight: float = 0.7
    l2: float | dict = 1e-4
    loss_weight: float | dict = 1.0
    cost: str = "macs"
    credit: str = "instance"
    cost_exponent: float = 1.0
    rho: float = 1.0
    target_macs: float | dict | None = None
    target_scope: str = "task"
    selector_gradient: str = "minimum_risk"
    temperature: float = 1.0
    baseline: str = "leave_one_out"
    samples_per_image: int = 4
    entropy_weight: float = 0.0
    exploration_weight: float = 0.003
    guess_weight: float = 0.3
    epsilon_decay: float = 0.0

    def __post_init__(self):
        self._check_choice("initial_distribution", tuple(INITIAL_DISTRIBUTIONS))
        self._check_choice("cost", COSTS)
        self._check_choice("credit", CREDITS)
        self._check_choice("baseline", BASELINES)
        self._check_choice("estimator_choice", ESTIMATOR_CHOICES)
        self._check_choice("target_scope", SCOPES)
        self._check_choice("selector_gradient", tuple(SELECTOR_GRADIENTS))
        self._check_range("distillation_weight", 0, 1)
        self._check_range("cost_exponent", 1)
        self._check_range("full_share", 0, 1)
        self._check_range("initial_mix", 0, 1)
        self._check_range("priced_mix", 0, 1)
        self._check_range("epsilon_decay", 0, 1)
        self._check_range("entropy_weight", 0)
        self._check_range("exploration_weight", 0)
        self._check_range("guess_weight", 0)
        for name in ("rho", "temperature"):
            if not getattr(self, name) > 0:
                raise ValueError(
                    f"`{name}` must be above 0. Received: {name}={getattr(self, name)}"
                )
        self._check_target()
        for weight in _values(self.l2):
            if not weight >= 0:
                raise ValueError(f"`l2` must be >= 0. Received: l2={self.l2}")
        for weight in _values(self.loss_weight):
            if not weight > 0:
                raise ValueError(
                    f"`loss_weight` must be above 0. Received: loss_weight={self.loss_weight}"
                )
        self._check_samples()

    @classmethod
    def paper(cls, **changes):
        """Returns the paper's settings, as its authors' program has them.

        Args:
            **changes: settings in place of the paper's.
        """
        return cls(**(PAPER | changes))

    def l2_of(self, task):
        """Returns the L2 weight of a task, a float; 0 for a task that a dict leaves out."""
        return self.l2.get(task, 0.0) if isinstance(self.l2, dict) else self.l2

    def loss_weight_of(self, task):
        """Returns the weight of a task's loss, a float; 1 for a task that a dict leaves out."""
        weight = self.loss_weight
        return weight.get(task, 1.0) if isinstance(weight, dict) else weight

    def drawn_full_share(self):
        """Returns the share of full models that the proposed distribution is to draw, a float."""
        return 0.0 if self.distillation_weight else self.full_share

    def target_macs_of(self, task):
        """Returns the target of a task, a float; `None` for none."""
        target = self.target_macs
        return target.get(task) if isinstance(target, dict) else target

    def get_config(self):
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def _check_target(self):
        target = self.target_macs
        for share in _values(target):
            if share is not None and not 0 < share <= 1:
                raise ValueError(f"`target_macs` must be in (0, 1]. Received: target_macs={target}")
        if isinstance(target, dict) and self.target_scope == "all":
            raise ValueError(
                "`target_macs` must be one number where `target_scope` is 'all'. "
                f"Received: target_macs={target}"
            )

    def _check_samples(self):
        compares = self.selector_gradient == "minimum_risk" or (
            self.selector_gradient == "reinforce" and self.baseline == "leave_one_out"
        )
        least = 2 if compares else 1
        if not isinstance(self.samples_per_image, int) or self.samples_per_image < least:
            raise ValueError(
                f"`samples_per_image` must be an integer >= {least} for selector_gradient="
                f"{self.selector_gradient} with baseline={self.baseline}. "
                f"Received: samples_per_image={self.samples_per_image}"
            )

    def _check_choice(self, name, choices):
        value = getattr(self, name)
        if value not in choices:
            raise ValueError(f"`{name}` must be one of {choices}. Received: {name}={value}")

    def _check_range(self, name, low, high=float("inf")):
        value = getattr(self, name)
        if not low <= value <= high:
            raise ValueError(f"`{name}` must be in [{low}, {high}]. Received: {name}={value}")


def _values(setting):
    """Returns the values of a setting that is one for all tasks, or a dict of one per task."""
    return setting.values() if isinstance(setting, dict) else [setting]
