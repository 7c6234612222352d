"""Tests of the training: who is updated when, and how."""

import os
import shutil
import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.metrics import TaskMetrics, cross_entropy, weighted_mean
from elastic_tf.training.optimizers import OptimizerSettings
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import StageSchedule
from tests import testing
from tests.testing import TASKS, random_batch, randomise

INIT_KWARGS = {
    "tasks": TASKS,
    "backbone": "wrn-8-1",
    "ratios": (0.0, 1.0),  # Few groups: graphs are made faster.
    "trunk_size": 4,
    "seed": 5,
}
STAGES = StageSchedule(3, rounds=2, selector_steps=2, estimator_steps=3)
ESTIMATOR, SELECTOR = StageSchedule(5, rounds=1), StageSchedule(0, rounds=1)


def new_model():
    keras.utils.set_random_seed(0)
    return DeepElasticNetwork(**INIT_KWARGS)


def dataset(steps, tasks=("grey",), start=0):
    """Returns `steps` different batches, the same at every call."""
    batches = [random_batch(tasks, seed=start + step) for step in range(steps)]
    return tf.data.Dataset.from_tensor_slices(
        {
            task: tuple(tf.stack([batch[task][part] for batch in batches]) for part in (0, 1))
            for task in tasks
        }
    )


def values(layer_or_variables):
    variables = getattr(layer_or_variables, "variables", layer_or_variables)
    return [np.array(variable) for variable in variables]


def fit(model, data):
    return model.fit(data, verbose=0, shuffle=False).history


class DeepElasticNetworkTest(testing.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = new_model()
        cls.initial = cls.model.get_weights()

    def _compile(self, stages=STAGES, model=None, eagerly=True, arguments=None, **method):
        """Returns the model as it was made, ready to train."""
        model = model or self.model
        model.set_weights(self.initial)
        arguments = {"selector_optimizer": keras.optimizers.Adam(3e-3)} | (arguments or {})
        model.compile(stages, MethodSettings(**method), run_eagerly=eagerly, **arguments)
        return model

    def _changed(self, variables, data, model=None):
        """Trains; returns for every variable whether it is another."""
        before = values(variables)
        fit(model or self.model, data)
        return [
            not np.array_equal(old, new) for old, new in zip(before, values(variables), strict=True)
        ]

    def test_each_stage_trains_one_network_whole_and_leaves_the_other(self):
        both = dataset(1, tuple(TASKS))
        model = self._compile(ESTIMATOR, guess_weight=0.0)
        with self.assert_unchanged(model.selector.variables):
            self.assertTrue(all(self._changed(model.estimator, both)))
        model = self._compile(SELECTOR)
        with self.assert_unchanged(model.estimator.variables):
            self.assertTrue(all(self._changed(model.selector, both)))
        self.assertTrue(all(np.isfinite(value).all() for value in values(model.selector)))

    def test_a_selector_in_the_trunk_learns_in_its_stage_and_leaves_the_trunk(self):
        model = DeepElasticNetwork(**INIT_KWARGS, selector_kind="trunk")
        randomise(model.estimator)
        both = dataset(1, tuple(TASKS))
        model.compile(SELECTOR, MethodSettings(), run_eagerly=True)
        with self.assert_unchanged(model.estimator.variables):
            self.assertTrue(all(self._changed(model.selector, both, model)))
        # Also where its scores say what the estimator trains.
        model.compile(StageSchedule(1, 2, 1, 1), MethodSettings(), run_eagerly=True)
        for step in (0, 2):
            model.step.assign(step)
            with self.assert_unchanged(model.selector.variables):
                self.assertTrue(all(self._changed(model.estimator, both, model)))

    @parameterized.parameters(ESTIMATOR, SELECTOR)
    def test_a_task_not_in_the_batch_keeps_its_own_variables(self, stages):
        model = self._compile(stages)
        own = [
            v for v in model.estimator.variables + model.selector.variables if "colour" in v.path
        ]
        self.assertNotEmpty(own)
        with self.assert_unchanged(own):
            fit(model, dataset(1))

    def test_the_learning_rate_follows_the_stage(self):
        optimizers = OptimizerSettings.paper()
        model = self._compile(StageSchedule(2, rounds=0), arguments={"optimizers": optimizers})
        for expected in (0.1, 0.01):
            fit(model, dataset(1))
            self.assertAllClose(model.optimizer.learning_rate, expected)

    def test_l2_is_half_the_sum_of_squares(self):
        moves = []
        for l2 in (0.0, 0.5):
            model = self._compile(ESTIMATOR, l2={"grey": l2}, guess_weight=0.0)
            kernel = model.estimator.blocks[0].conv1.kernel
            before = kernel.numpy()
            fit(model, dataset(1))
            moves.append(kernel.numpy() - before)
        # The first step of Nesterov's momentum goes 1.9 times the rate.
        self.assertAllClose(moves[1] - moves[0], -1.9 * 0.1 * 0.5 * before, atol=1e-5)

    def test_the_loss_weight_scales_the_gradient(self):
        moves = {}
        for weight in (1.0, 0.25):
            method = {"l2": 0.0, "guess_weight": 0.0, "loss_weight": {"grey": weight}}
            model = self._compile(ESTIMATOR, **method)
            variables = model.estimator.task_variables("grey")
            before = values(variables)
            fit(model, dataset(1))
            moves[weight] = [a - b for a, b in zip(values(variables), before, strict=True)]
        self.assertGreater(max(np.abs(move).max() for move in moves[1.0]), 1e-3)
        for move, weighted in zip(moves[1.0], moves[0.25], strict=True):
            self.assertAllClose(weighted, 0.25 * move, atol=1e-6)

    def test_an_estimators_update_is_as_long_as_it_may_be(self):
        for clip_norm in (None, 0.01):
            arguments = {"optimizers": OptimizerSettings(clip_norm=clip_norm)}
            model = self._compile(ESTIMATOR, l2=0.0, guess_weight=0.0, arguments=arguments)
            variables = model.estimator.task_variables("grey")
            before = values(variables)
            fit(model, dataset(1))
            moves = [a - b for a, b in zip(values(variables), before, strict=True)]
            # The first step of Nesterov's momentum goes 1.9 times the rate.
            norm = np.sqrt(sum(np.sum(move**2) for move in moves)) / (1.9 * 0.1)
            if clip_norm is None:
                self.assertGreater(norm, 0.1)
            else:
                self.assertAllClose(norm, clip_norm, rtol=1e-3)

    def test_labels_are_smoothed_in_what_is_trained_and_not_in_what_is_told(self):
        heads, losses = [], []
        for smoothing in (0.0, 0.5):
            model = self._compile(
                ESTIMATOR,
                l2=0.0,
                guess_weight=0.0,
                distillation_weight=0.0,
                full_share=1.0,
                label_smoothing=smoothing,
            )
            bias = model.estimator.heads["grey"].linear.bias
            before = bias.numpy()
            losses += fit(model, dataset(1))["grey_loss"]
            heads.append((before - bias.numpy()) / (1.9 * 0.1))
        self.assertEqual(losses[0], losses[1])
        # The gradient of a bias is what is answered less what should be; the latter has changed.
        labels = next(iter(dataset(1)))["grey"][1]
        expected = 0.5 * (np.eye(3)[labels].mean(axis=0) - 1 / 3)
        self.assertAllClose(heads[1] - heads[0], expected, atol=1e-5)

    def test_batches_of_unknown_size_and_labels_of_any_integer_type(self):
        images, labels = random_batch(batch=10)["grey"]
        data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
        data = data.map(lambda x, y: {"grey": (x, tf.cast(y, tf.uint8))})
        model = self._compile(StageSchedule(1, rounds=1))
        history = fit(model, data)
        self.assertEqual(int(model.step.numpy()), 3)
        self.assertTrue(np.isfinite(history["grey_loss"][0]))

    @parameterized.parameters(
        MethodSettings.paper(),
        MethodSettings(initial_distribution="random", selector_gradient="gumbel"),
        MethodSettings(distillation_weight=0.0, estimator_choice="sampled"),
    )
    def test_other_settings_train(self, method):
        model = self._compile(StageSchedule(1, 2, 1, 1))
        model.compile(model.stages, method, run_eagerly=True)
        history = fit(model, dataset(4))
        self.assertTrue(np.isfinite([values[0] for values in history.values()]).all())

    @pytest.mark.slow
    def test_it_learns_to_spend_less(self):
        # Where the choice cannot help accuracy, the cheapest models earn the most.
        model = self._compile(SELECTOR, eagerly=False, price=20.0, exploration_weight=0.0)
        data = dataset(1).repeat(60)
        before = model.evaluate(dataset(1), verbose=0, return_dict=True)
        history = fit(model, data)
        after = model.evaluate(dataset(1), verbose=0, return_dict=True)
        self.assertLess(after["grey_density"], 0.5 * before["grey_density"])
        self.assertAllClose(history["grey_price"][0], 20.0)  # Without a target.

    @parameterized.parameters((0.01, 1), (1.0, -1))
    def test_the_price_moves_towards_the_target(self, target, direction):
        model = self._compile(SELECTOR, target_macs=target, price=2.0)
        model.selector.scores.offsets["grey"].assign(np.tile([9.0, 0.0], 3))
        fit(model, dataset(2))
        self.assertEqual(np.sign(float(model.macs_price.of("grey")) - 2.0), direction)
        self.assertAllClose(model.macs_price.of("colour"), 2.0)

    def test_evaluate_reports_what_a_person_asks_for(self):
        model, data = self._compile(), dataset(2, tuple(TASKS))
        results = model.evaluate(data, verbose=0, return_dict=True)
        figures = ("loss", "accuracy", "full_accuracy", "density", "macs_share")
        self.assertEqual(set(results), {f"{task}_{figure}" for task in TASKS for figure in figures})
        images, labels = (
            np.concatenate([batch["grey"][part] for batch in data.as_numpy_iterator()])
            for part in (0, 1)
        )
        logits = model({"grey": images})["grey"].numpy()
        self.assertAllClose(results["grey_accuracy"], (logits.argmax(-1) == labels).mean())
        full = model.estimator(images, task="grey").numpy()
        self.assertAllClose(results["grey_full_accuracy"], (full.argmax(-1) == labels).mean())
        shares = model.cost_table("grey").macs_share(model.select_levels(images, "grey"))
        self.assertAllClose(results["grey_macs_share"], np.mean(shares), rtol=1e-5)

    @parameterized.parameters(ESTIMATOR, SELECTOR)
    def test_the_weight_of_a_class_is_that_of_its_images(self, stages):
        images, labels = random_batch()["grey"]
        factors = np.float32([1.0, 5.0, 0.0])
        of_images = tf.constant(factors[labels])
        self.assertGreater(len(set(of_images.numpy())), 1)
        trained, logs = {}, {}
        for name, part, class_weight in (
            ("none", (), None),
            ("classes", (), {"grey": {1: 5.0, 2: 0.0}}),
            ("images", (of_images,), None),
        ):
            model = self._compile(stages)
            data = tf.data.Dataset.from_tensors({"grey": (images, labels, *part)})
            logs[name] = model.fit(data, class_weight=class_weight, verbose=0).history
            trained[name] = model.get_weights()
        self.assertAllClose(trained["classes"], trained["images"], atol=1e-6)
        self.assertNotAllClose(trained["none"], trained["images"], atol=1e-4)
        self.assertAllClose(logs["classes"], logs["images"])

    @pytest.mark.slow
    def test_xla_compiles_the_initial_stage_to_the_same_numbers(self):
        weights = {}
        for compiles in (False, True):
            arguments = {"jit_compile": compiles, "optimizer": keras.optimizers.SGD(0.1)}
            model = self._compile(ESTIMATOR, eagerly=False, arguments=arguments)
            fit(model, dataset(2))
            weights[compiles] = values(model.estimator)
        for ours, theirs in zip(weights[True], weights[False], strict=True):
            self.assertAllClose(ours, theirs, rtol=1e-4, atol=1e-5)

    def test_other_class_weights_make_another_graph(self):
        model, functions = self._compile(), []
        for weight in (2.0, 2.0, 3.0):
            model.fit(dataset(1), class_weight={"grey": {1: weight}}, verbose=0)
            functions.append(model.train_function)
        self.assertIs(functions[0], functions[1])
        self.assertIsNot(functions[1], functions[2])

    def test_evaluation_weighs_answers_and_not_what_they_cost(self):
        model, weights = self._compile(), np.float32([3.0, 0, 1, 1, 0.5, 0])
        images, labels = random_batch()["grey"]
        data = tf.data.Dataset.from_tensors({"grey": (images, labels, weights)})
        results = model.evaluate(data, verbose=0, return_dict=True)
        logits = model({"grey": images})["grey"].numpy()
        log_softmax = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        figures = {
            "loss": -log_softmax[np.arange(6), labels],
            "accuracy": logits.argmax(-1) == labels.numpy(),
            "full_accuracy": model.estimator(images, task="grey").numpy().argmax(-1) == labels,
        }
        for figure, of_image in figures.items():
            expected = np.average(of_image, weights=weights)
            self.assertAllClose(results[f"grey_{figure}"], expected, rtol=1e-4)
        shares = model.cost_table("grey").macs_share(model.select_levels(images, "grey"))
        self.assertAllClose(results["grey_macs_share"], np.mean(shares), rtol=1e-5)

    @parameterized.parameters(
        ({"loss": "mse"}, "`loss` must be None.* Received: loss=mse"),
        ({"metrics": ["accuracy"]}, "`metrics` must be None.* Received: metrics="),
        ({"stages": "adam"}, "`stages` must be StageSchedule. Received: stages='adam'"),
        (
            {"optimizer": keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)},
            "`optimizer` must not accumulate .* Received: gradient_accumulation_steps=2",
        ),
        (
            {"selector_optimizer": keras.optimizers.Adam(0.1, gradient_accumulation_steps=4)},
            "`selector_optimizer` must not accumulate .*=4",
        ),
    )
    def test_what_would_be_ignored_is_refused(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            self.model.compile(**arguments)

    def test_bad_data_are_one_line_and_scaled_images_are_named(self):
        images, labels = random_batch()["grey"]
        one_hot = tf.data.Dataset.from_tensors({"grey": (images, tf.one_hot(labels, 3))})
        model = self._compile()
        for run in (model.fit, model.evaluate):
            with self.assertRaisesRegex(ValueError, "^Labels of task 'grey' must be .*$"):
                run(one_hot)
        beyond = {"grey": (images.numpy(), labels.numpy() + 3)}
        with self.assertRaisesRegex(ValueError, r"^Labels of task 'grey' must be in \[0, 3\)$"):
            model.evaluate(beyond, verbose=0)
        with self.assertRaisesRegex(ValueError, "^`x` must have as many .*'colour': 2}$"):
            model.fit(random_batch(["grey"]) | random_batch(["colour"], 2))
        scaled = tf.data.Dataset.from_tensors({"grey": (tf.cast(images, "float32") / 255, labels)})
        with self.assertWarnsRegex(UserWarning, "task 'grey' must have pixels in 0..255"):
            model.evaluate(scaled, verbose=0)

    def test_a_task_with_one_image_per_step_keeps_its_variances(self):
        model = self._compile(SELECTOR, guess_weight=0.3)
        fit(model, dataset(3).map(lambda batch: {"grey": tuple(x[:1] for x in batch["grey"])}))
        scores = model.selector.scores
        for norm in (scores.norm, scores.confidence_norm):
            self.assertAllEqual(norm.moving_variances["grey"], np.ones(norm.channels))
            self.assertNotAllClose(norm.moving_means["grey"], np.zeros(norm.channels))

    def test_evaluation_accepts_tasks_of_different_sizes(self):
        model, batch = self._compile(), random_batch()
        empty = {"colour": tuple(part[:0] for part in batch["colour"]), "grey": batch["grey"]}
        spec = {
            task: (
                tf.TensorSpec((None, *TASKS[task]["image_shape"]), tf.uint8),
                tf.TensorSpec((None,), tf.int32),
            )
            for task in TASKS
        }
        data = tf.data.Dataset.from_generator(lambda: iter([batch, empty]), output_signature=spec)
        results = model.evaluate(data, verbose=0, return_dict=True)
        alone = model.evaluate(tf.data.Dataset.from_tensors(batch), verbose=0, return_dict=True)
        self.assertAllClose(results["colour_accuracy"], alone["colour_accuracy"])
        self.assertAllClose(results["colour_loss"], alone["colour_loss"], rtol=1e-4)

    def test_data_that_is_no_dict_of_tasks_is_refused(self):
        with self.assertRaisesRegex(ValueError, "must be dicts {task: "):
            fit(self._compile(), tf.data.Dataset.from_tensors(random_batch()["grey"]))

    def test_a_label_out_of_range_is_one_line_in_a_graph_too(self):
        model, (images, labels) = self._compile(eagerly=False), random_batch()["grey"]
        data = tf.data.Dataset.from_tensors({"grey": (images, labels - 3)})
        with self.assertRaisesRegex(ValueError, r"^Labels of task 'grey' must be in \[0, 3\)$"):
            model.evaluate(data, verbose=0)

    def test_config(self):
        self.run_config_test(DeepElasticNetwork, INIT_KWARGS)


@pytest.mark.slow
class WholeTrainingTest(testing.TestCase):
    """Trainings that come to the same as one with defaults, whose steps are watched."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.stopped = os.path.join(cls.folder, "stopped.keras")
        model = new_model()
        model.compile(STAGES)
        # Not the selector's features, which the guess of the class trains from the start.
        scores, cls.selected, cls.weights = model.selector.scores.offsets["grey"], [], []
        for step in range(10):
            before = scores.numpy()
            fit(model, dataset(1, start=step))
            cls.selected.append(bool(np.any(before != scores.numpy())))
            cls.weights.append(model.get_weights())
            if step == 3:
                model.save(cls.stopped)

    def _check(self, model, steps=10, atol=None):
        for actual, expected in zip(model.get_weights(), self.weights[steps - 1], strict=True):
            if atol is None:
                self.assertAllEqual(actual, expected)
            else:
                self.assertAllClose(actual, expected, atol=atol)

    def test_the_counter_walks_through_the_stages(self):
        initial, selector, estimator = [False] * 3, [True] * 2, [False] * 3
        self.assertEqual(self.selected, initial + selector + estimator + selector)

    def test_a_loaded_model_goes_on_as_if_never_stopped(self):
        loaded = keras.saving.load_model(self.stopped)
        self.assertEqual(int(loaded.step.numpy()), 4)
        self.assertEqual((loaded.stages, loaded.method), (STAGES, MethodSettings()))
        fit(loaded, dataset(6, start=4))
        self._check(loaded)

    def test_the_stage_is_decided_inside_longer_executions(self):
        model = new_model()
        model.compile(STAGES, steps_per_execution=5)
        fit(model, dataset(5))
        self._check(model, steps=5, atol=1e-4)

    def test_defaults_written_out_are_the_same(self):
        method = MethodSettings(
            initial_distribution="proposed",
            full_share=0.75,
            initial_mix=0.1,
            priced_mix=0.4,
            estimator_choice="greedy",
            distillation_weight=0.7,
            l2=1e-4,
            loss_weight=1.0,
            cost="macs",
            credit="instance",
            cost_exponent=1.0,
            price=1.0,
            selector_gradient="minimum_risk",
            baseline="leave_one_out",
            samples_per_image=4,
            entropy_weight=0.0,
            exploration_weight=0.003,
            guess_weight=0.3,
            epsilon_decay=0.0,
        )
        self.assertEqual(method, MethodSettings())
        optimizers = OptimizerSettings(0.1, "cosine", selector_learning_rate=1e-3)
        self.assertEqual(optimizers, OptimizerSettings())
        # Of two tasks: as it is until the alternation, then to 0 over its steps, the guess's too.
        rate = keras.optimizers.schedules.CosineDecay(
            1e-3, decay_steps=2 * (2 + 3 + 2), warmup_target=1e-3, warmup_steps=2 * 3
        )
        model = new_model()
        model.compile(STAGES)
        self.assertIsInstance(model.selector_optimizer, keras.optimizers.Adam)
        for step in range(2 * 10):
            model.selector_optimizer.iterations.assign(step)
            self.assertAllClose(model.selector_optimizer.learning_rate, rate(step))

    def test_without_arguments_the_schedule_is_the_papers(self):
        model, explicit = new_model(), new_model()
        model.compile()
        explicit.compile(
            StageSchedule(78_200, 10, 4_693, 15_642), MethodSettings(), OptimizerSettings()
        )
        one, other = (compiled.get_compile_config() for compiled in (model, explicit))
        for config in (one, other):
            for optimizer in ("optimizer", "selector_optimizer"):
                del config[optimizer]["config"]["name"]
        self.assertEqual(one, other)

    def test_data_that_ends_too_early_is_warned_of(self):
        model = new_model()
        model.compile(ESTIMATOR, run_eagerly=True)
        with self.assertWarnsRegex(UserWarning, "ran out of data"):
            model.fit(dataset(1), steps_per_epoch=2, epochs=2, verbose=0, shuffle=False)


class TaskMetricsTest(testing.TestCase):
    def test_means_are_over_images_not_batches(self):
        metrics = TaskMetrics("birds")
        for right in ([1.0, 1.0, 1.0], [0.0], []):
            metrics.update(accuracy=tf.constant(right, tf.float32))
        self.assertAllClose(metrics.results(["accuracy"]), {"birds_accuracy": 0.75})

    def test_answers_are_weighted_and_costs_are_not(self):
        metrics = TaskMetrics("birds")
        values = tf.constant([[4.0, 1.0], [8.0, 1.0]])  # Of two models for each of two images.
        metrics.update(tf.constant([3.0, 1.0]), reward=values, density=values)
        results = metrics.results(["reward", "density"])
        self.assertAllClose(results, {"birds_reward": 38 / 8, "birds_density": 14 / 4})

    def test_a_weighted_loss_is_that_of_keras(self):
        labels, logits = np.array([0, 2, 1]), testing.normal(3, 4)
        weights = np.float32([2, 0, 0.5])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        for given in (None, weights):
            ours = weighted_mean(cross_entropy(labels, logits), given)
            self.assertAllClose(ours, loss(labels, logits, sample_weight=given))
        self.assertEqual(float(weighted_mean(tf.zeros(0))), 0.0)
