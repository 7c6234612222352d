"""The network with its training: estimator and selector updated in turns."""

import dataclasses

import keras
import tensorflow as tf

from elastic_tf import replicas
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.models.network_settings import NONE, TRUNK
from elastic_tf.models.tasks import check_task
from elastic_tf.policies.sampling import entropy, greedy
from elastic_tf.settings import check_integer
from elastic_tf.training.batches import (
    check_class_weight,
    check_input,
    check_one_device,
    deal_training,
    ends_expected,
    one_line_label_errors,
    read_batches,
)
from elastic_tf.training.estimator_step import estimator_loss, needs_scores, own_models, step_models
from elastic_tf.training.freezing import freeze_layers
from elastic_tf.training.machines import evaluate_on_machines, fit_on_machines
from elastic_tf.training.macs_price import MacsPrice
from elastic_tf.training.metrics import (
    TEST,
    TRAINING,
    TaskMetrics,
    cross_entropy,
    is_right,
    weighted_mean,
)
from elastic_tf.training.optimizers import (
    OptimizerSettings,
    apply_gradients,
    check_optimizer,
    check_scope,
)
from elastic_tf.training.selector_loss import selector_step
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import SELECTOR, STAGE_NAMES, StageSchedule


@keras.saving.register_keras_serializable("elastic_tf")
class DeepElasticNetwork(ElasticNetwork):
    """An `ElasticNetwork` that `fit` trains by the paper's alternation.

    Every training step takes a dict `{task: (images, labels)}` with a batch of each task, labels of
    any integer type `(batch,)`, and updates once per task: the estimator or the selector, as the
    stage schedule says for the saved counter `step`. With `(images, labels, weights)` an image of
    weight 2 counts as two in loss, reward and accuracy, and one of weight 0 not at all.

    Everything random is a function of `seed`, `step` and task, so a training that is stopped and
    loaded goes on as if it had not been.

    Args:
        seed: int >= 0. Seed of the models drawn in training. Defaults to 0.
        Others: see `ElasticNetwork`.

    Example:

    >>> tasks = {"digits": {"image_shape": (8, 8, 1), "num_classes": 10}}
    >>> model = DeepElasticNetwork(tasks, backbone="wrn-8-1")
    >>> model.compile(stages=StageSchedule(4, rounds=1, selector_steps=2))
    >>> batch = {"digits": (tf.zeros((2, 8, 8, 1)), tf.zeros((2,), tf.int32))}
    >>> history = model.fit(tf.data.Dataset.from_tensors(batch).repeat(6), verbose=0)

    Reference: Ahn et al., 2019 (arXiv 1909.04860); the method's section 4.
    """

    def __init__(self, tasks, *args, seed=0, **kwargs):
        super().__init__(tasks, *args, **kwargs)
        self.seed = check_integer("seed", seed, 0)
        self.step = self.add_weight(
            name="step", shape=(), dtype="int64", initializer="zeros", trainable=False
        )
        self.macs_price = MacsPrice(self.tasks, name="macs_price")
        self.task_metrics = {task: TaskMetrics(task) for task in self.tasks}
        self._class_weights = {}
        self._compiles = False
        self._kind = None  # Or that of the stage, while a graph of one update runs.

    def compile(
        self,
        stages=None,
        method=None,
        optimizers=None,
        optimizer=None,
        selector_optimizer=None,
        jit_compile=False,
        **kwargs,
    ):
        """Sets how to train.

        Args:
            stages: a `StageSchedule`. Defaults to `StageSchedule()`, the paper's.
            method: a `MethodSettings`. Defaults to `MethodSettings()`.
            optimizers: an `OptimizerSettings`. Defaults to `OptimizerSettings()`.
            optimizer: `keras.optimizers.Optimizer` of the estimator, in place of that of
                `optimizers`; made with a float learning rate, which is overwritten at every step.
            selector_optimizer: `keras.optimizers.Optimizer`, in place of that of `optimizers`.
            jit_compile: bool. Whether XLA compiles the updates of the initial stage, where sizes of
                groups stand still: for batches of a known size whose images drawn at random are a
                multiple of the levels. Defaults to `False`.
            **kwargs: `run_eagerly`, `steps_per_execution`, `auto_scale_loss` of
                `keras.Model.compile`.

        Raises:
            ValueError: if an argument is not usable, as a loss or metrics are.
        """
        _check_compile(
            {"stages": stages, "method": method, "optimizers": optimizers},
            {"optimizer": optimizer, "selector_optimizer": selector_optimizer},
            kwargs,
        )
        self.stages = stages or StageSchedule()
        if self.selector_kind == NONE and self.stages.rounds:
            raise ValueError(
                "`stages` must have rounds=0 where the network has no selector to train. "
                f"Received: rounds={self.stages.rounds}"
            )
        self.method = method or MethodSettings()
        self.optimizers = optimizers or OptimizerSettings()
        self._compiles = bool(jit_compile) and jit_compile != "auto"
        for task in self.method.frozen_tasks:
            check_task(task, self.tasks)
        freeze_layers(self, self.method.freeze, self.method.frozen_tasks)
        self.macs_price.reset(self.method)
        with self.distribute_strategy.scope():  # Or devices would share their counters.
            self._set_optimizers(optimizer, selector_optimizer, kwargs)

    def _set_optimizers(self, optimizer, selector_optimizer, kwargs):
        optimizer = optimizer or self.optimizers.make_optimizer()
        super().compile(optimizer=optimizer, jit_compile=False, **kwargs)
        self.selector_optimizer = keras.optimizers.get(
            selector_optimizer or keras.optimizers.Adam(self._selector_rate())
        )
        scaled = keras.optimizers.LossScaleOptimizer
        if self.compute_dtype == "float16" and not isinstance(self.selector_optimizer, scaled):
            self.selector_optimizer = scaled(self.selector_optimizer)  # As Keras does the other.
        for name in ("optimizer", "selector_optimizer"):
            check_scope(name, getattr(self, name), self.distribute_strategy)
        self.optimizer.build(self.estimator.trainable_variables)
        self.selector_optimizer.build(self.selector.trainable_variables)

    def _selector_rate(self):
        guesses = bool(self.method.guess_weight) and any(
            self.selector.guess_variables(task) for task in self.tasks
        )
        return self.optimizers.selector_rate(self.stages, len(self.tasks), guesses)

    def lower_learning_rates(self, factor):
        """Multiplies the learning rates from the next step on; what optimizers gathered stays.

        Args:
            factor: float in (0, 1). The rates are those of `optimizers`, which has lower ones then.

        Raises:
            ValueError: if the factor is out of range.
        """
        if not 0 < factor < 1:
            raise ValueError(f"`factor` must be in (0, 1). Received: {factor=}")
        names = "learning_rate", "alternation_learning_rate", "selector_learning_rate"
        lower = {name: factor * getattr(self.optimizers, name) for name in names}
        self.optimizers = dataclasses.replace(self.optimizers, **lower)
        self.selector_optimizer.learning_rate = self._selector_rate()
        self.train_function = None  # They are constants of the graph.

    def get_compile_config(self):
        if not self.compiled:
            return {}
        parts = ("stages", "method", "optimizers", "optimizer", "selector_optimizer")
        return {part: keras.saving.serialize_keras_object(getattr(self, part)) for part in parts}

    def compile_from_config(self, config):
        self.compile(
            **{part: keras.saving.deserialize_keras_object(value) for part, value in config.items()}
        )

    @property
    def metrics(self):
        return [mean for metrics in self.task_metrics.values() for mean in metrics.means.values()]

    def fit(self, x=None, *args, class_weight=None, **kwargs):
        """Like `keras.Model.fit`, on data as the class has them.

        On several devices (`tf.distribute.Strategy`) a step is that of one device with the whole
        batch, of which each has its part: models are drawn for it, moments taken over it.

        Args:
            x: `tf.data.Dataset` of batches, or what else Keras makes batches of. On several devices
                the former, the same on every machine, of known length, or endless with
                `steps_per_epoch`; each of its batches of a known multiple of the devices.
            class_weight: dict from task to a dict from class to the weight of its images, 1 for
                what is left out; times their own weight, if they have one. Of the training alone.
            *args, **kwargs: of `keras.Model.fit`.

        Raises:
            ValueError: if data or an argument are not usable.
        """
        weights = check_class_weight(class_weight, self.tasks)
        if weights != self._class_weights:
            self._class_weights = weights
            self.train_function = None  # They are constants of the graph.
        check_input(x, self.tasks)
        if self.distribute_strategy.num_replicas_in_sync > 1:
            x, length = deal_training(x, self.distribute_strategy)
            kwargs["steps_per_epoch"] = kwargs.get("steps_per_epoch") or length
        if isinstance(kwargs.get("validation_data"), tf.data.Dataset):
            held_out = replicas.deal(kwargs["validation_data"], self.distribute_strategy)
            kwargs["validation_data"] = held_out
        with one_line_label_errors(), ends_expected(self.distribute_strategy):
            if replicas.machines(self.distribute_strategy) > 1:
                return fit_on_machines(self, x, self._by_stage, *args, **kwargs)
            return super().fit(x, *args, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        """Like `keras.Model.evaluate`, on data as the class has them."""
        check_input(x, self.tasks)
        if isinstance(x, tf.data.Dataset):
            x = replicas.deal(x, self.distribute_strategy)
        with one_line_label_errors(), ends_expected(self.distribute_strategy):
            if replicas.machines(self.distribute_strategy) > 1:
                return evaluate_on_machines(self, x, *args, **kwargs)
            return super().evaluate(x, *args, **kwargs)

    def make_train_function(self, force=False):
        """Lets `fit` look up the stage between steps, and run a graph of that update alone.

        The graphs are smaller than with the decision inside, know the sizes of groups where these
        stand still, and replicas can synchronise, which TensorFlow forbids within a condition. With
        `steps_per_execution` above 1 the decision has to be inside: see `train_step`.
        """
        if self.steps_per_execution > 1:
            check_one_device(self.distribute_strategy, self.steps_per_execution)
            return super().make_train_function(force)
        if self.train_function is not None and not force:
            return super().make_train_function()

        def make():
            super(DeepElasticNetwork, self).make_train_function(force=True)
            return self.train_function

        self.train_function = self._by_stage(make)

    def _by_stage(self, make):
        """Returns a function of an iterator that calls the one of three that is of the stage."""
        functions = [make() for _ in STAGE_NAMES]

        def train_function(iterator):
            self._kind = int(self.stages(self.step).kind)
            try:
                return functions[self._kind](iterator)
            finally:
                self._kind = None

        return train_function

    def train_step(self, data):
        """One update per task, of the network whose turn it is.

        Decided inside the graph, unless it has been before: see `make_train_function`.
        """
        if self._kind is not None:
            return self._train(data, self._kind)
        kind = tf.cast(self.stages(self.step).kind, tf.int32)
        return tf.switch_case(
            kind, [lambda kind=kind: self._train(data, kind) for kind in range(3)]
        )

    def _train(self, data, kind):
        stage = self.stages(self.step)
        batches = read_batches(data, self.tasks, self._class_weights)
        for task in self.method.frozen_tasks:
            batches.pop(task, None)
        for task, batch in batches.items():
            if kind == SELECTOR:
                self._update_selector(task, *batch, stage)
            else:
                self._update_estimator(task, *batch, stage, kind)
        self.step.assign_add(1)
        return self._results(batches, TRAINING)

    def test_step(self, data):
        batches = read_batches(data, self.tasks)
        for task, (images, labels, weights) in batches.items():
            table = self.cost_table(task)
            outputs = self(images, task=task, return_levels=True)
            full_logits = self.estimator(images, task=task)
            self.task_metrics[task].update(
                weights,
                loss=cross_entropy(labels, outputs["logits"]),
                accuracy=is_right(labels, outputs["logits"]),
                full_accuracy=is_right(labels, full_logits),
                density=table.density(outputs["levels"]),
                macs_share=table.macs_share(outputs["levels"]),
            )
        return self._results(batches, TEST)

    def _update_estimator(self, task, images, labels, weights, stage, kind):
        method, table = self.method, self.cost_table(task)
        scores = None
        if needs_scores(method, kind):
            # Not those of the guess's run: the models to train are those that will be chosen, which
            # a batch's own moments change.
            scores = replicas.gathered(self.score(images, task)[0])
        batch = images.shape[0] or tf.shape(images)[0]
        whole = replicas.count() * batch
        size = self.num_blocks, self.num_levels
        models = step_models(
            method, kind, whole, size, scores, table.block_shares, self._seed_of(task), self.step
        )
        models = own_models(models, batch)
        self.optimizer.learning_rate = self.optimizers.estimator_rate(stage, self.stages)
        # Levels are drawn and routes planned outside of what XLA compiles: it has other random
        # numbers, and no shapes that depend on them.
        plan = self._plan(models, batch)

        def update():  # A plan cannot be the argument of a graph.
            return self._apply_estimator_gradients(task, images, labels, weights, models, plan)

        if self._compiles and isinstance(models.sizes, list):
            update = tf.function(update, jit_compile=True)
        losses, logits = update()
        self.task_metrics[task].update(
            weights,
            loss=losses,
            accuracy=is_right(labels, logits),
            density=table.density(models.levels[:batch]),
        )
        self._guess(task, images, labels, weights)

    def _plan(self, models, batch):
        """Returns the estimator's plan; `None` where it makes its own, as for an empty batch."""
        if self.estimator.execution == "masked" or not isinstance(batch, int):
            return None
        return self.estimator.plan(models.levels, models.sizes)

    def _apply_estimator_gradients(self, task, images, labels, weights, models, plan):
        method = self.method
        with tf.GradientTape() as tape:
            logits = self.estimator(
                images, levels=models.levels, task=task, training=True, plan=plan
            )
            loss, losses, logits = estimator_loss(
                logits,
                labels,
                method.distillation_weight,
                weights,
                method.label_smoothing,
                method.unsure_weight,
                models.teachers,
            )
            loss = self.optimizer.scale_loss(loss * method.loss_weight_of(task))
        variables = self.estimator.task_variables(task)
        new = {variable.path for variable in self.estimator.heads[task].linear.weights}
        settings = self.optimizers
        rates = [settings.head_rate if v.path in new else 1.0 for v in variables]
        apply_gradients(
            self.optimizer, tape, loss, variables, method.l2_of(task), settings.clip_norm, rates
        )
        return losses, logits

    def _guess(self, task, images, labels, weights):
        """Has the selector learn to guess the class while it is not its turn: it costs little."""
        variables = self.selector.guess_variables(task)
        if not self.method.guess_weight or not variables:
            return
        with tf.GradientTape() as tape:
            _, guess = self.selector(images, task=task, training=True, return_guess=True)
            loss = self._guess_loss(task, labels, guess, weights)
            loss = self.selector_optimizer.scale_loss(loss * self.method.loss_weight_of(task))
        apply_gradients(self.selector_optimizer, tape, loss, variables)

    def _guess_loss(self, task, labels, guess, weights):
        self.task_metrics[task].update(weights, guess_accuracy=is_right(labels, guess))
        return self.method.guess_weight * weighted_mean(cross_entropy(labels, guess), weights)

    def _update_selector(self, task, images, labels, weights, stage):
        settings, table = self.method, self.cost_table(task)
        price = self.macs_price.of(task)
        draws = price, settings.epsilon(stage.step), self._seed_of(task), weights
        with tf.GradientTape() as tape:
            found, logits, guesses = selector_step(self, images, labels, task, settings, *draws)
            loss, rewards, levels = found
            for guess in guesses:
                loss += self._guess_loss(task, labels, guess, weights) / len(guesses)
            loss = self.selector_optimizer.scale_loss(loss * settings.loss_weight_of(task))
        variables = self.selector.task_variables(task)
        apply_gradients(self.selector_optimizer, tape, loss, variables)
        # Along models drawn, a selector in the trunk sees what it would not along its own.
        in_trunk = self.selector_kind == TRUNK
        chosen = self.select_levels(images, task) if in_trunk else greedy(logits)
        chosen_shares = table.macs_share(chosen)
        share = replicas.mean(weighted_mean(chosen_shares))
        self.macs_price.adapt(task, share, settings)
        self.task_metrics[task].update(
            weights,
            reward=rewards,
            entropy=entropy(logits),
            density=table.density(levels),
            macs_share=chosen_shares,
            price=price,
        )

    def _seed_of(self, task):
        """Returns the seed of this step's draws for a task, those of the whole batch."""
        seed = tf.constant([self.seed, list(self.tasks).index(task)])
        # 0 was the replica's once: trainings go on as they have begun.
        return tf.random.fold_in(tf.random.fold_in(seed, self.step.value), 0)

    def _results(self, batches, figures):
        results = {}
        for task in batches:
            results |= self.task_metrics[task].results(figures)
        return results


def _check_compile(settings, optimizers, others):
    """Raises a `ValueError` for what `compile` cannot use; each a dict from argument to value."""
    kinds = {"stages": StageSchedule, "method": MethodSettings, "optimizers": OptimizerSettings}
    for name, value in settings.items():
        if value is not None and not isinstance(value, kinds[name]):
            raise ValueError(f"`{name}` must be {kinds[name].__name__}. Received: {name}={value!r}")
    for name, optimizer in optimizers.items():
        check_optimizer(name, optimizer)
    for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
        if others.get(name) is not None:
            raise ValueError(
                f"`{name}` must be None: losses and metrics are the method's, and its weights are "
                f"settings of `method`. Received: {name}={others[name]}"
            )
