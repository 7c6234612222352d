"""The two optimizers, their learning rates over the stages, and a step of either."""

import dataclasses

import keras
import tensorflow as tf

from elastic_tf.settings import Settings, setting
from elastic_tf.training.stages import INITIAL

SHAPES = ("step", "cosine")
# Of the estimator, from the learning rate at the start.
ESTIMATOR_OPTIMIZERS = {
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
    "adam": keras.optimizers.Adam,
}


@keras.saving.register_keras_serializable("elastic_tf")
@dataclasses.dataclass(frozen=True)
class OptimizerSettings(Settings):
    """SGD with Nesterov momentum 0.9 or Adam for the estimator, Adam for the selector; their rates.

    `learning_rate_shape="step"` decays the estimator's rate within the initial stage, and again
    over the rounds of the alternation, and keeps the selector's. `"cosine"` takes the estimator's
    from `learning_rate` to 0 over all of its updates, those of the alternation included, and the
    selector's to 0 over the rounds: where a training is short, the estimator has no time to lose by
    starting twice.

    Raises:
        ValueError: if a setting is out of range.

    Reference: Ahn et al., 2019, the method's section 4; Loshchilov and Hutter, 2017
        (arXiv 1608.03983); Kingma and Ba, 2015 (arXiv 1412.6980).
    """

    learning_rate: float = setting(
        0.1,
        "Estimator's learning rate at the start of the initial stage.",
        float,
        above=0.0,
        tune="0.03..0.3",
        sampling="log",
    )
    learning_rate_shape: str = setting(
        "cosine",
        "'step': decay in the initial stage, and again over the rounds, as the next four say; "
        "'cosine': from learning_rate to 0 over all of the estimator's steps, and over the rounds "
        "from selector_learning_rate to 0.",
        str,
        choices=SHAPES,
        paper="step",
    )
    alternation_learning_rate: float = setting(
        0.1,
        "Estimator's learning rate in the first round, with 'step'.",
        float,
        above=0.0,
        tune="0.01..0.3",
        sampling="log",
    )
    initial_decay_at: tuple = setting(
        (0.5, 0.75),
        "Shares of the initial stage where the rate decays, with 'step'.",
        float,
        above=0.0,
        below=1.0,
        is_list=True,
    )
    round_decay_after: tuple = setting(
        (3, 6),
        "Numbers of finished rounds after which the rate decays, with 'step'.",
        int,
        low=1,
        is_list=True,
    )
    learning_rate_decay: float = setting(
        0.1, "Factor of each decay, with 'step'.", float, above=0.0, high=1.0
    )
    optimizer: str = setting(
        "sgd",
        "Estimator's optimizer: SGD with Nesterov momentum, or Adam, which takes a learning rate "
        "of about 0.001.",
        str,
        choices=tuple(ESTIMATOR_OPTIMIZERS),
    )
    head_rate: float = setting(
        1.0,
        "How many times that rate the linear layers of the heads have, which are new where the "
        "rest starts with trained weights; with SGD.",
        float,
        above=0.0,
    )
    clip_norm: float | None = setting(
        None,
        "Greatest norm of an estimator's update: the gradient of a task's loss, l2 aside, over all "
        "variables together; what is longer is scaled down to it.",
        float,
        above=0.0,
        optional=True,
        paper=None,
    )
    selector_learning_rate: float = setting(
        1e-3,
        "Selector's learning rate (Adam).",
        float,
        above=0.0,
        tune="0.001..0.01",
        sampling="log",
    )

    def __post_init__(self):
        super().__post_init__()
        if self.optimizer == "adam" and self.head_rate != 1:
            raise ValueError(
                "`head_rate` must be 1 with Adam, whose steps do not grow with gradients. "
                f"Received: head_rate={self.head_rate}"
            )

    def estimator_rate(self, stage, stages):
        """Returns the estimator's learning rate, a float32 scalar tensor.

        Args:
            stage: a `Stage`, in which the estimator trains.
            stages: the `StageSchedule` that it is of.
        """
        if self.learning_rate_shape == "step":
            return self._steps(stage, stages)
        before = stages.initial_steps + stage.round * stages.estimator_steps
        update = tf.where(stage.kind == INITIAL, stage.step, before + stage.step)
        total = stages.initial_steps + max(0, stages.rounds - 1) * stages.estimator_steps
        return keras.optimizers.schedules.CosineDecay(self.learning_rate, max(total, 1))(update)

    def make_optimizer(self):
        """Returns the estimator's optimizer, whose rate is set at every step."""
        return ESTIMATOR_OPTIMIZERS[self.optimizer](self.learning_rate)

    def selector_rate(self, stages, num_tasks, guesses):
        """Returns the selector's learning rate, a float or a schedule over its updates.

        There is one for each task and step; at the estimator's steps too, where the selector
        guesses.

        Args:
            stages: a `StageSchedule`.
            num_tasks: int.
            guesses: bool. Whether the selector learns to guess the class at the estimator's steps.
        """
        rate = self.selector_learning_rate
        if self.learning_rate_shape == "step" or not stages.rounds:
            return rate
        constant, falling = 0, stages.rounds * stages.selector_steps
        if guesses:
            constant = stages.initial_steps
            falling += (stages.rounds - 1) * stages.estimator_steps
        return keras.optimizers.schedules.CosineDecay(
            rate,
            decay_steps=num_tasks * falling,
            warmup_target=rate if constant else None,  # From the rate to itself: it stays.
            warmup_steps=num_tasks * constant,
        )

    def _steps(self, stage, stages):
        boundaries = [round(share * stages.initial_steps) for share in self.initial_decay_at]
        decay = self.learning_rate_decay
        initial = self.learning_rate * decay ** _passed(stage.step, boundaries)
        rounds = self.alternation_learning_rate * decay ** _passed(
            stage.round, self.round_decay_after
        )
        return tf.where(stage.kind == INITIAL, initial, rounds)


def _passed(value, boundaries):
    """Returns how many boundaries `value` has reached, a float32 scalar tensor."""
    return tf.add_n(
        [tf.zeros([])] + [tf.cast(value >= boundary, tf.float32) for boundary in boundaries]
    )


def check_optimizer(name, optimizer):
    """Raises a `ValueError` if an argument of `compile`, an optimizer or not, cannot be used."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if getattr(inner, "gradient_accumulation_steps", None):
        raise ValueError(
            f"`{name}` must not accumulate gradients, which each task in turn has its own of. "
            f"Received: gradient_accumulation_steps={inner.gradient_accumulation_steps}"
        )


def check_scope(name, optimizer, strategy):
    """Raises a `ValueError` for an optimizer of one device in a network of several."""
    count = strategy.num_replicas_in_sync
    counter = optimizer.iterations.value
    if count > 1 and not isinstance(counter, tf.distribute.DistributedValues):
        raise ValueError(
            f"`{name}` must be made within the scope of the network's strategy, which has {count} "
            f"devices. Received: {name}={type(optimizer).__name__}, of one device"
        )


def apply_gradients(optimizer, tape, loss, variables, l2=None, clip_norm=None, rates=None):
    """Takes a step of an optimizer on the gradients of a loss.

    Args:
        optimizer: `keras.optimizers.Optimizer`. It sums over replicas, each of which gives a share
            of its gradients here, so that the sum is a mean.
        tape: `tf.GradientTape` of the loss.
        loss: float32 scalar tensor, scaled by the optimizer's `scale_loss`.
        variables: list of `keras.Variable`; those that the loss does not depend on have a gradient
            of 0.
        l2: float, the weight of half the sum of squares of the variables. Defaults to none.
        clip_norm: float > 0, the greatest global norm of the gradients; of those of the loss as it
            was before it was scaled, over all replicas, and without those of `l2`, which pulls as
            much whatever a batch does. Defaults to none.
        rates: list of floats, factors of the learning rate for each variable, of an optimizer whose
            steps are in proportion to gradients. Defaults to none.

    Reference: Pascanu et al., 2013 (arXiv 1211.5063), clipping by norm.
    """
    gradients = tape.gradient(
        loss, [v.value for v in variables], unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if clip_norm is not None:
        if replicas > 1:  # The norm is that of their mean.
            context = tf.distribute.get_replica_context()
            gradients = context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
        clip_norm = optimizer.scale_loss(tf.constant(clip_norm, tf.float32))
        gradients, _ = tf.clip_by_global_norm(gradients, clip_norm)
    if l2 is not None:
        l2 = optimizer.scale_loss(tf.constant(l2, tf.float32))
        gradients = [g + l2 * v for g, v in zip(gradients, variables, strict=True)]
    if rates is not None:
        gradients = [g if rate == 1 else rate * g for g, rate in zip(gradients, rates, strict=True)]
    if replicas > 1:
        gradients = [gradient / replicas for gradient in gradients]
    optimizer.apply(gradients, variables)
