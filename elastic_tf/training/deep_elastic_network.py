"""The network with its training: estimator and selector updated in turns."""

import keras
import tensorflow as tf

from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.policies.sampling import entropy, greedy
from elastic_tf.training.estimator_step import estimator_levels, estimator_loss
from elastic_tf.training.macs_price import MacsPrice
from elastic_tf.training.metrics import TEST, TRAINING, TaskMetrics, cross_entropy, is_right
from elastic_tf.training.optimizers import OptimizerSettings
from elastic_tf.training.selector_loss import SELECTOR_GRADIENTS
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import SELECTOR, StageSchedule


@keras.saving.register_keras_serializable("elastic_tf")
class DeepElasticNetwork(ElasticNetwork):
    """An `ElasticNetwork` that `fit` trains by the paper's alternation.

    Every training step takes a dict `{task: (images, labels)}` with a batch of each task, labels of
    any integer type `(batch,)`, and updates once per task: the estimator or the selector, as the
    stage schedule says for the saved counter `step`. Everything random is a function of `seed`,
    `step` and task, so a training that is stopped and loaded goes on as if it had not been.

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
        self.seed = seed
        self.step = self.add_weight(
            name="step", shape=(), dtype="int64", initializer="zeros", trainable=False
        )
        self.macs_price = MacsPrice(self.tasks, name="macs_price")
        self.task_metrics = {task: TaskMetrics(task) for task in self.tasks}
        self._selects = None  # Or whose turn it is, while a graph of one update runs.

    def compile(
        self,
        stages=None,
        method=None,
        optimizers=None,
        optimizer=None,
        selector_optimizer=None,
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
            **kwargs: `run_eagerly`, `steps_per_execution`, `auto_scale_loss` of
                `keras.Model.compile`.
        """
        self.stages = stages or StageSchedule()
        self.method = method or MethodSettings()
        self.optimizers = optimizers or OptimizerSettings()
        optimizer = optimizer or self.optimizers.make_optimizer()
        super().compile(optimizer=optimizer, jit_compile=False, **kwargs)
        guesses = bool(self.method.guess_weight) and self.selector.features == "confident"
        self.selector_optimizer = selector_optimizer or self.optimizers.make_selector_optimizer(
            self.stages, len(self.tasks), guesses
        )
        self.macs_price.reset(self.method)
        self.optimizer.build(self.estimator.trainable_variables)
        self.selector_optimizer.build(self.selector.trainable_variables)

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

    def make_train_function(self, force=False):
        """Lets `fit` look up the stage between steps, and run a graph of that update alone.

        The graphs are smaller than with the decision inside, and replicas can synchronise, which
        TensorFlow forbids within a condition. With `steps_per_execution` above 1 the decision has
        to be inside: see `train_step`.
        """
        if self.steps_per_execution > 1 or (self.train_function is not None and not force):
            return super().make_train_function(force)
        functions = []
        for _ in range(2):
            super().make_train_function(force=True)
            functions.append(self.train_function)
        select, estimate = functions

        def train_function(iterator):
            self._selects = int(self.stages(self.step).kind) == SELECTOR
            try:
                return (select if self._selects else estimate)(iterator)
            finally:
                self._selects = None

        self.train_function = train_function

    def train_step(self, data):
        """One update per task, of the network whose turn it is.

        Decided inside the graph, unless it has been before: see `make_train_function`.
        """
        if self._selects is None:
            return tf.cond(
                self.stages(self.step).kind == SELECTOR,
                lambda: self._train(data, self._update_selector),
                lambda: self._train(data, self._update_estimator),
            )
        return self._train(data, self._update_selector if self._selects else self._update_estimator)

    def _train(self, data, update):
        stage = self.stages(self.step)
        batches = self._check_batches(data)
        for task, (images, labels) in batches.items():
            update(task, images, labels, stage)
        self.step.assign_add(1)
        return self._results(batches, TRAINING)

    def test_step(self, data):
        batches = self._check_batches(data)
        for task, (images, labels) in batches.items():
            table = self.cost_table(task)
            outputs = self(images, task=task, return_levels=True)
            full_logits = self.estimator(images, task=task)
            self.task_metrics[task].update(
                loss=cross_entropy(labels, outputs["logits"]),
                accuracy=is_right(labels, outputs["logits"]),
                full_accuracy=is_right(labels, full_logits),
                density=table.density(outputs["levels"]),
                macs_share=table.macs_share(outputs["levels"]),
            )
        return self._results(batches, TEST)

    def _update_estimator(self, task, images, labels, stage):
        levels = estimator_levels(self, task, images, stage, self._seed_of(task))
        with tf.GradientTape() as tape:
            loss, losses, logits = estimator_loss(
                self.estimator, images, labels, levels, task, self.method.distillation_weight
            )
            loss *= self.method.loss_weight_of(task)
        variables = self.estimator.task_variables(task)
        l2 = self.method.l2_of(task)
        gradients = [
            gradient + l2 * variable
            for gradient, variable in zip(
                tape.gradient(loss, [v.value for v in variables]), variables, strict=True
            )
        ]
        self.optimizer.learning_rate = self.optimizers.estimator_rate(stage, self.stages)
        self.optimizer.apply(_share_of_replica(gradients), variables)
        self.task_metrics[task].update(
            loss=losses,
            accuracy=is_right(labels, logits),
            density=self.cost_table(task).density(levels),
        )
        self._update_guess(task, images, labels)

    def _update_guess(self, task, images, labels):
        """Has the selector learn to guess the class while it is not its turn: it costs little."""
        variables = self.selector.guess_variables(task)
        if not self.method.guess_weight or not variables:
            return
        with tf.GradientTape() as tape:
            _, guess = self.selector(images, task=task, training=True, return_guess=True)
            loss = tf.reduce_mean(cross_entropy(labels, guess))
            loss *= self.method.guess_weight * self.method.loss_weight_of(task)
        self._apply_selector_gradients(tape, loss, variables)
        self.task_metrics[task].update(guess_accuracy=is_right(labels, guess))

    def _update_selector(self, task, images, labels, stage):
        settings, table = self.method, self.cost_table(task)
        selector_loss = SELECTOR_GRADIENTS[settings.selector_gradient]
        price = self.macs_price.of(task)
        epsilon = settings.epsilon(stage.step)
        seed = self._seed_of(task)
        with tf.GradientTape() as tape:
            logits, guess = self.selector(images, task=task, training=True, return_guess=True)
            loss, rewards, levels = selector_loss(
                self, images, labels, logits, task, settings, price, epsilon, seed
            )
            if guess is not None:
                loss += settings.guess_weight * tf.reduce_mean(cross_entropy(labels, guess))
            loss *= settings.loss_weight_of(task)
        self._apply_selector_gradients(tape, loss, self.selector.task_variables(task))
        if guess is not None:
            self.task_metrics[task].update(guess_accuracy=is_right(labels, guess))
        chosen_shares = table.macs_share(greedy(logits))
        self.macs_price.adapt(task, tf.reduce_mean(chosen_shares), settings)
        self.task_metrics[task].update(
            reward=rewards,
            entropy=entropy(logits),
            density=table.density(levels),
            macs_share=chosen_shares,
            price=price,
        )

    def _apply_selector_gradients(self, tape, loss, variables):
        gradients = tape.gradient(
            loss, [v.value for v in variables], unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        self.selector_optimizer.apply(_share_of_replica(gradients), variables)

    def _seed_of(self, task):
        """Returns the seed of this step's draws for a task, different on every replica."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.constant([self.seed, list(self.tasks).index(task)])
        return tf.random.fold_in(tf.random.fold_in(seed, self.step.value), replica)

    def _results(self, batches, figures):
        results = {}
        for task in batches:
            results |= self.task_metrics[task].results(figures)
        return results

    def _check_batches(self, data):
        if not isinstance(data, dict) or not data or not set(data) <= set(self.tasks):
            raise ValueError(
                "Training and evaluation data must be dicts {task: (images, labels)} with tasks "
                f"among {list(self.tasks)}. Received: "
                f"{list(data) if isinstance(data, dict) else type(data).__name__}"
            )
        return {
            task: (images, tf.cast(labels, tf.int32)) for task, (images, labels) in data.items()
        }


def _share_of_replica(gradients):
    """Returns the gradients for optimizers that sum over replicas, so that the sum is a mean."""
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return gradients if replicas == 1 else [gradient / replicas for gradient in gradients]
