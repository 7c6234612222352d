"""The estimator's learning rate over the stages."""

import keras
import tensorflow as tf

from elastic_tf.training.stages import INITIAL

SHAPES = ("step", "cosine")


@keras.saving.register_keras_serializable("elastic_tf")
class StagedLearningRate:
    """The paper's step decay, or a half cosine.

    `"step"` decays within the initial stage, and again over the rounds of the alternation.
    `"cosine"` goes from `initial_rate` to 0 over all of the estimator's updates, those of the
    alternation included, and has no use for the other arguments: where a training is short, the
    estimator then has no time to lose by starting twice.

    Args:
        initial_rate: float > 0. Rate at the start of the initial stage. Defaults to 0.1.
        alternation_rate: float > 0. Rate at the start of the alternation. Defaults to 0.1.
        initial_decay_at: list of floats in (0, 1). Shares of the initial stage after which the
            rate decays. Defaults to (0.5, 0.75).
        round_decay_after: list of ints >= 1. Numbers of finished rounds after which it decays.
            Defaults to (3, 6).
        decay: float in (0, 1]. Factor of each decay. Defaults to 0.1.
        shape: `"step"` or `"cosine"`. Defaults to `"step"`.

    Call arguments:
        stage: a `Stage`, in which the estimator trains.
        stages: the `StageSchedule` that it is of.

    Returns:
        float32 scalar tensor.

    Raises:
        ValueError: if an argument is out of range.

    Reference: Ahn et al., 2019, the method's section 4; Loshchilov and Hutter, 2017
        (arXiv 1608.03983).
    """

    def __init__(
        self,
        initial_rate=0.1,
        alternation_rate=0.1,
        initial_decay_at=(0.5, 0.75),
        round_decay_after=(3, 6),
        decay=0.1,
        shape="step",
    ):
        for name, rate in [("initial_rate", initial_rate), ("alternation_rate", alternation_rate)]:
            if not rate > 0:
                raise ValueError(f"`{name}` must be above 0. Received: {name}={rate}")
        if not 0 < decay <= 1:
            raise ValueError(f"`decay` must be in (0, 1]. Received: {decay=}")
        if any(not 0 < share < 1 for share in initial_decay_at):
            raise ValueError(
                f"`initial_decay_at` must hold shares in (0, 1). Received: {initial_decay_at=}"
            )
        if any(not isinstance(count, int) or count < 1 for count in round_decay_after):
            raise ValueError(
                f"`round_decay_after` must hold integers >= 1. Received: {round_decay_after=}"
            )
        if shape not in SHAPES:
            raise ValueError(f"`shape` must be one of {SHAPES}. Received: {shape=}")
        self.initial_rate = initial_rate
        self.alternation_rate = alternation_rate
        self.initial_decay_at = tuple(initial_decay_at)
        self.round_decay_after = tuple(round_decay_after)
        self.decay = decay
        self.shape = shape

    def __call__(self, stage, stages):
        return self._steps(stage, stages) if self.shape == "step" else self._cosine(stage, stages)

    def _cosine(self, stage, stages):
        before = stages.initial_steps + stage.round * stages.estimator_steps
        update = tf.where(stage.kind == INITIAL, stage.step, before + stage.step)
        total = stages.initial_steps + max(0, stages.rounds - 1) * stages.estimator_steps
        return keras.optimizers.schedules.CosineDecay(self.initial_rate, max(total, 1))(update)

    def _steps(self, stage, stages):
        boundaries = [round(share * stages.initial_steps) for share in self.initial_decay_at]
        initial = self.initial_rate * self.decay ** _passed(stage.step, boundaries)
        rounds = self.alternation_rate * self.decay ** _passed(stage.round, self.round_decay_after)
        return tf.where(stage.kind == INITIAL, initial, rounds)

    def get_config(self):
        return {
            "initial_rate": self.initial_rate,
            "alternation_rate": self.alternation_rate,
            "initial_decay_at": self.initial_decay_at,
            "round_decay_after": self.round_decay_after,
            "decay": self.decay,
            "shape": self.shape,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def _passed(value, boundaries):
    """Returns how many boundaries `value` has reached, a float32 scalar tensor."""
    return tf.add_n(
        [tf.zeros([])] + [tf.cast(value >= boundary, tf.float32) for boundary in boundaries]
    )
