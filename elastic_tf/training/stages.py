"""Which network trains at which step: the initial stage, then rounds of alternation."""

import dataclasses
import typing

import keras
import tensorflow as tf

from elastic_tf.settings import Settings, setting

INITIAL, SELECTOR, ESTIMATOR = range(3)
STAGE_NAMES = ("initial", "selector", "estimator")


class Stage(typing.NamedTuple):
    """Where a step stands; every field is an int64 scalar tensor.

    Attributes:
        kind: `INITIAL`, `SELECTOR` or `ESTIMATOR`.
        round: 0-based round of the alternation; 0 in the initial stage.
        step: 0-based step within the stage (of its round).
    """

    kind: tf.Tensor
    round: tf.Tensor
    step: tf.Tensor


@keras.saving.register_keras_serializable("elastic_tf")
@dataclasses.dataclass(frozen=True)
class StageSchedule(Settings):
    """The paper's order: estimator alone, then per round the selector, then the estimator.

    The last round ends with the selector, so that it fits the estimator it will be used with.
    Past the end, the last round's selector goes on training. The defaults are the paper's.

    Call arguments:
        step: int or int tensor, the number of steps already taken.

    Returns:
        A `Stage`.

    Raises:
        ValueError: if a setting is out of range.

    Reference: Ahn et al., 2019; the method's section 4.
    """

    initial_steps: int = setting(
        78_200, "Steps of the initial stage.", int, low=0, tune="0.5x..1.5x"
    )
    rounds: int = setting(10, "Rounds of the alternation.", int, low=0, tune="1..5")
    selector_steps: int = setting(4_693, "Selector steps in a round.", int, low=1, tune="0.5x..2x")
    estimator_steps: int = setting(
        15_642, "Estimator steps in a round, but the last.", int, low=1, tune="0.5x..2x"
    )

    @property
    def total_steps(self):
        """Steps of the whole training, an int."""
        if not self.rounds:
            return self.initial_steps
        alternation = self.rounds * (self.selector_steps + self.estimator_steps)
        return self.initial_steps + alternation - self.estimator_steps

    def __call__(self, step):
        step = tf.cast(step, tf.int64)
        after = step - self.initial_steps
        last_start = max(0, self.rounds - 1) * (self.selector_steps + self.estimator_steps)
        index = tf.minimum(after, last_start) // (self.selector_steps + self.estimator_steps)
        step_in_round = after - index * (self.selector_steps + self.estimator_steps)
        selects = (step_in_round < self.selector_steps) | (after >= last_start)
        if not self.rounds:
            return Stage(tf.constant(INITIAL, tf.int64), tf.zeros_like(step), step)
        kind = tf.where(selects, tf.cast(SELECTOR, tf.int64), ESTIMATOR)
        in_stage = tf.where(selects, step_in_round, step_in_round - self.selector_steps)
        is_initial = after < 0
        return Stage(
            tf.where(is_initial, tf.cast(INITIAL, tf.int64), kind),
            tf.where(is_initial, tf.zeros_like(step), index),
            tf.where(is_initial, step, in_stage),
        )
