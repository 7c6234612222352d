"""Which network trains at which step: the initial stage, then rounds of alternation."""

import typing

import keras
import tensorflow as tf

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
class StageSchedule:
    """The paper's order: estimator alone, then per round the selector, then the estimator.

    The last round ends with the selector, so that it fits the estimator it will be used with.
    Past the end, the last round's selector goes on training.

    Args:
        initial_steps: int >= 0. Steps of the initial stage. Defaults to 78,200.
        rounds: int >= 0. Rounds of the alternation. Defaults to 10.
        selector_steps: int >= 1. Selector steps per round. Defaults to 4,693.
        estimator_steps: int >= 1. Estimator steps per round, but the last. Defaults to 15,642.

    Call arguments:
        step: int or int tensor, the number of steps already taken.

    Returns:
        A `Stage`.

    Raises:
        ValueError: if an argument is out of range.

    Reference: Ahn et al., 2019; the method's section 4.
    """

    def __init__(
        self, initial_steps=78_200, rounds=10, selector_steps=4_693, estimator_steps=15_642
    ):
        for name, value, least in [
            ("initial_steps", initial_steps, 0),
            ("rounds", rounds, 0),
            ("selector_steps", selector_steps, 1),
            ("estimator_steps", estimator_steps, 1),
        ]:
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f"`{name}` must be an integer >= {least}. Received: {name}={value}"
                )
        self.initial_steps = initial_steps
        self.rounds = rounds
        self.selector_steps = selector_steps
        self.estimator_steps = estimator_steps

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

    def get_config(self):
        return {
            "initial_steps": self.initial_steps,
            "rounds": self.rounds,
            "selector_steps": self.selector_steps,
            "estimator_steps": self.estimator_steps,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)
