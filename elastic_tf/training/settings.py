"""The method's settings: what is trained towards, and the departures from the paper."""

import dataclasses

import keras

from elastic_tf.policies.initial_distributions import INITIAL_DISTRIBUTIONS
from elastic_tf.training.baselines import BASELINES
from elastic_tf.training.rewards import COSTS, CREDITS


@keras.saving.register_keras_serializable("elastic_tf")
@dataclasses.dataclass(frozen=True)
class MethodSettings:
    """Settings of the two updates. The defaults keep the choice alive; `paper()` is the paper's.

    Attributes:
        initial_distribution: `"proposed"`, `"uniform"` or `"random"`.
        full_share: float in [0, 1]. Share of full models in the proposed distribution.
        initial_mix: float in [0, 1]. Share of an estimator batch, during the alternation, whose
            models come from the initial distribution instead of the selector. Without it the
            models that the selector does not favour decay, and its choice collapses.
        l2: float >= 0, or dict of one per task. Weight of half the sum of squares of all of the
            estimator's variables.
        cost: `"density"` or `"macs"`. What the reward charges for.
        credit: `"instance"` or `"batch"`. See `reward`.
        rho: float > 0. See `reward`.
        baseline: `"leave_one_out"` or `"none"`. See `advantages`.
        samples_per_image: int >= 1. Models drawn for each image in a selector step.
        entropy_weight: float >= 0. Weight of the entropy of an image's choice, per nat, summed over
            blocks.
        exploration_weight: float >= 0. Weight of the divergence of a uniform choice from the
            selector's, see `selector_loss`. Above 0 no level's probability fades away, so that a
            choice made early, by chance, can still be mended.
        epsilon_decay: float in [0, 1). Exploration: epsilon is this to the power of the step in
            the stage; see `epsilon_mixed`.

    Raises:
        ValueError: if a setting is out of range.

    Reference: the method's sections 4 and 5.
    """

    initial_distribution: str = "proposed"
    full_share: float = 0.75
    initial_mix: float = 0.5
    l2: float | dict = 1e-4
    cost: str = "density"
    credit: str = "instance"
    rho: float = 10.0
    baseline: str = "leave_one_out"
    samples_per_image: int = 2
    entropy_weight: float = 0.003
    exploration_weight: float = 0.02
    epsilon_decay: float = 0.99

    def __post_init__(self):
        self._check_choice("initial_distribution", tuple(INITIAL_DISTRIBUTIONS))
        self._check_choice("cost", COSTS)
        self._check_choice("credit", CREDITS)
        self._check_choice("baseline", BASELINES)
        self._check_range("full_share", 0, 1)
        self._check_range("initial_mix", 0, 1)
        self._check_range("epsilon_decay", 0, 1)
        self._check_range("entropy_weight", 0)
        self._check_range("exploration_weight", 0)
        if not self.rho > 0:
            raise ValueError(f"`rho` must be above 0. Received: rho={self.rho}")
        for weight in self.l2.values() if isinstance(self.l2, dict) else [self.l2]:
            if not weight >= 0:
                raise ValueError(f"`l2` must be >= 0. Received: l2={self.l2}")
        least = 2 if self.baseline == "leave_one_out" else 1
        if not isinstance(self.samples_per_image, int) or self.samples_per_image < least:
            raise ValueError(
                f"`samples_per_image` must be an integer >= {least} for baseline={self.baseline}. "
                f"Received: samples_per_image={self.samples_per_image}"
            )

    @classmethod
    def paper(cls, **changes):
        """Returns the paper's settings: bare reward, one sample, selector's models alone."""
        return cls(
            **{
                "initial_mix": 0.0,
                "baseline": "none",
                "samples_per_image": 1,
                "entropy_weight": 0.0,
                "exploration_weight": 0.0,
            }
            | changes
        )

    def l2_of(self, task):
        """Returns the L2 weight of a task, a float; 0 for a task that a dict leaves out."""
        return self.l2.get(task, 0.0) if isinstance(self.l2, dict) else self.l2

    def get_config(self):
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def _check_choice(self, name, choices):
        value = getattr(self, name)
        if value not in choices:
            raise ValueError(f"`{name}` must be one of {choices}. Received: {name}={value}")

    def _check_range(self, name, low, high=float("inf")):
        value = getattr(self, name)
        if not low <= value <= high:
            raise ValueError(f"`{name}` must be in [{low}, {high}]. Received: {name}={value}")
