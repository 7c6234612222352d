import os

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.estimator_step import estimator_levels
from elastic_tf.training.selector_loss import SELECTOR_GRADIENTS
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import StageSchedule
from tests.testing import TASKS, random_batch, random_images


def make_model(stages=None, selector_rate=3e-3, **settings):
    keras.utils.set_random_seed(0)
    model = DeepElasticNetwork(TASKS, backbone="wrn-8-1", seed=5)
    model.compile(
        selector_optimizer=keras.optimizers.Adam(selector_rate),
        stages=stages or StageSchedule(2, rounds=2, selector_steps=2, estimator_steps=2),
        settings=MethodSettings(**settings),
    )
    return model


def dataset(steps, tasks=tuple(TASKS), start=0):
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


def changed(before, variables):
    return [not np.array_equal(a, b) for a, b in zip(before, values(variables), strict=True)]


def fit(model, data):
    return model.fit(data, verbose=0, shuffle=False).history


class DeepElasticNetworkTest(tf.test.TestCase, parameterized.TestCase):
    def test_estimator_stage_leaves_the_selector(self):
        model = make_model(StageSchedule(5, rounds=1), guess_weight=0.0)
        selector, estimator = values(model.selector), values(model.estimator)
        fit(model, dataset(1))
        self.assertFalse(any(changed(selector, model.selector)))
        self.assertTrue(all(changed(estimator, model.estimator)))

    def test_selector_stage_leaves_the_estimator(self):
        model = make_model(StageSchedule(0, rounds=1))
        selector, estimator = values(model.selector), values(model.estimator)
        fit(model, dataset(1))
        self.assertFalse(any(changed(estimator, model.estimator)))
        self.assertTrue(all(changed(selector, model.selector)))
        self.assertTrue(all(np.isfinite(value).all() for value in values(model.selector)))

    def test_the_counter_walks_through_the_stages(self):
        model = make_model()
        trained = []
        for step in range(8):
            # Not its features, which the guess of the class trains from the start.
            scores = [model.selector.scores.offsets["grey"]]
            before = values(scores)
            fit(model, dataset(1, ("grey",), start=step))
            trained.append(any(changed(before, scores)))
        self.assertEqual(trained, [False, False, True, True, False, False, True, True])
        self.assertEqual(int(model.step.numpy()), 8)

    def test_the_stage_is_decided_inside_longer_executions(self):
        model, expected = make_model(), make_model()
        model.compile(
            selector_optimizer=keras.optimizers.Adam(3e-3),
            stages=model.stages,
            settings=model.settings,
            steps_per_execution=3,
        )
        fit(model, dataset(3, ("grey",)))
        fit(expected, dataset(3, ("grey",)))
        for actual, wanted in zip(values(model), values(expected), strict=True):
            self.assertAllClose(actual, wanted, atol=1e-4)

    @parameterized.parameters(0, 5)
    def test_a_task_not_in_the_batch_keeps_its_own_variables(self, initial_steps):
        model = make_model(StageSchedule(initial_steps, rounds=1))
        own = [
            v for v in model.estimator.variables + model.selector.variables if "colour" in v.path
        ]
        before = values(own)
        fit(model, dataset(1, tasks=("grey",)))
        self.assertNotEmpty(own)
        self.assertFalse(any(changed(before, own)))

    def test_the_learning_rate_follows_the_stage(self):
        model = make_model(StageSchedule(2, rounds=0))
        fit(model, dataset(1, ("grey",)))
        self.assertAllClose(model.optimizer.learning_rate, 0.1)
        fit(model, dataset(1, ("grey",)))
        self.assertAllClose(model.optimizer.learning_rate, 0.01)

    def test_l2_shrinks_weights_the_images_do_not_touch(self):
        grown, shrunk = (make_model(StageSchedule(5), l2=l2) for l2 in (0.0, 0.5))
        for model in (grown, shrunk):
            fit(model, dataset(3, ("grey",)))
        norms = [np.sum(m.estimator.blocks[0].conv1.kernel.numpy() ** 2) for m in (grown, shrunk)]
        self.assertLess(norms[1], 0.9 * norms[0])

    def test_the_loss_weight_scales_the_gradient(self):
        moves = {}
        for weight in (1.0, 0.25):
            model = make_model(
                StageSchedule(5), l2=0.0, guess_weight=0.0, loss_weight={"grey": weight}
            )
            before = values(model.estimator.task_variables("grey"))
            fit(model, dataset(1, ("grey",)))
            after = values(model.estimator.task_variables("grey"))
            moves[weight] = [a - b for a, b in zip(after, before, strict=True)]
        self.assertGreater(max(np.abs(move).max() for move in moves[1.0]), 1e-3)
        for move, weighted in zip(moves[1.0], moves[0.25], strict=True):
            self.assertAllClose(weighted, 0.25 * move, atol=1e-6)

    def test_the_initial_mix_decides_who_picks_the_models(self):
        images = tf.constant(random_images("grey", 40))
        stage = StageSchedule(1, rounds=1, selector_steps=1)(2)
        for mix, expected in ((0.0, 40), (0.5, 20)):
            model = make_model(
                initial_mix=mix, priced_mix=0.0, full_share=1.0, distillation_weight=0.0
            )
            model.selector.scores.offsets["grey"].assign(np.tile([99.0, 0, 0, 0], 3))
            levels = estimator_levels(model, "grey", images, stage, tf.constant([0, 1]))
            self.assertEqual(int(np.sum(np.all(levels.numpy() == 0, axis=1))), expected)
            self.assertEqual(int(np.sum(np.all(levels.numpy() == 3, axis=1))), 40 - expected)

    def test_batches_of_unknown_size_and_labels_of_any_integer_type(self):
        images, labels = random_batch(batch=10)["grey"]
        data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
        data = data.map(lambda x, y: {"grey": (x, tf.cast(y, tf.uint8))}).repeat(2)
        model = make_model(StageSchedule(1, rounds=2, selector_steps=2, estimator_steps=1))
        history = fit(model, data)
        self.assertEqual(int(model.step.numpy()), 6)
        self.assertTrue(np.isfinite(history["grey_loss"][0]))

    @parameterized.parameters("uniform", "random")
    def test_other_initial_distributions_train(self, name):
        history = fit(make_model(initial_distribution=name), dataset(2, ("grey",)))
        self.assertLess(history["grey_density"][0], 0.9)

    def test_the_papers_settings_train(self):
        model = make_model()
        model.compile(stages=StageSchedule(1, 1, 2), settings=MethodSettings.paper(credit="batch"))
        history = fit(model, dataset(3, ("grey",)))
        self.assertTrue(np.isfinite(history["grey_reward"][0]))

    @parameterized.parameters(*SELECTOR_GRADIENTS)
    def test_it_learns_to_spend_less(self, gradient):
        # Where the choice cannot help accuracy, the cheapest models earn the most.
        model = make_model(
            StageSchedule(0, rounds=1),
            rho=0.05,
            exploration_weight=0.0,
            epsilon_decay=0.0,
            selector_gradient=gradient,
        )
        data = dataset(1, tasks=("grey",)).repeat(60)
        before = float(model.evaluate(dataset(1), verbose=0, return_dict=True)["grey_density"])
        fit(model, data)
        after = float(model.evaluate(dataset(1), verbose=0, return_dict=True)["grey_density"])
        self.assertLess(after, 0.5 * before)

    @parameterized.parameters(("task", 0.6), ("all", 0.7))
    def test_the_price_meets_the_target(self, scope, target):
        model = make_model(
            StageSchedule(0, rounds=1),
            selector_rate=0.03,
            target_macs=target,
            target_scope=scope,
            rho=2.0,
            selector_gradient="gumbel",
            samples_per_image=1,
        )
        batch = random_batch(batch=16)
        data = tf.data.Dataset.from_tensors(batch).repeat(150)
        fit(model, data)
        history = fit(model, data.take(40))
        shares = [np.mean(history[f"{task}_macs_share"]) for task in TASKS]
        if scope == "all":
            self.assertAllClose(np.mean(shares), target, atol=0.05)
        else:
            self.assertAllClose(shares, [target] * len(shares), atol=0.05)

    def test_without_a_target_the_price_stays(self):
        model = make_model(StageSchedule(0, rounds=1), rho=4.0)
        history = fit(model, dataset(3))
        self.assertAllClose(history["grey_price"][0], 0.25)

    def test_drawn_models_train_the_estimator_on_request(self):
        images = tf.constant(random_images("grey", 200))
        stage = StageSchedule(1, rounds=1, selector_steps=1)(2)
        shares = {}
        for choice in ("greedy", "sampled"):
            model = make_model(initial_mix=0.0, priced_mix=0.0, estimator_choice=choice)
            kernel = model.selector.scores.linear.kernel
            kernel.assign(tf.zeros_like(kernel))
            # Probabilities of e / (e + 3) and 1 / (e + 3).
            model.selector.scores.offsets["grey"].assign(np.tile([1.0, 0, 0, 0], 3))
            levels = estimator_levels(model, "grey", images, stage, tf.constant([0, 1])).numpy()
            shares[choice] = np.mean(levels == 0)
        self.assertEqual(shares["greedy"], 1.0)
        self.assertAllClose(shares["sampled"], np.e / (np.e + 3), atol=0.08)

    def test_models_at_random_prices_train_the_estimator_on_request(self):
        images = tf.constant(random_images("grey", 400))
        stage = StageSchedule(1, rounds=1, selector_steps=1)(2)
        densities = {}
        for share in (0.0, 0.25):
            model = make_model(initial_mix=0.0, priced_mix=share)
            # All images' choice is the last level; at a price above zero, others.
            model.selector.scores.offsets["grey"].assign(np.tile([0, 10.0, 20, 30], 3))
            levels = estimator_levels(model, "grey", images, stage, tf.constant([0, 1])).numpy()
            densities[share] = levels.mean(axis=1)
        self.assertAllEqual(densities[0.0], np.full(400, 3))
        # Half of the prices are above zero, and from half of these on the first level of an
        # average block is worth more than the last.
        self.assertAllInRange(np.mean(densities[0.25] < 3), 0.25 * 0.5 * 0.4, 0.25 * 0.5 * 1.1)
        self.assertAllInRange(np.mean(densities[0.25] < 1), 0.25 * 0.5 * 0.2, 0.25 * 0.5 * 0.7)

    def test_distillation_trains_the_full_model_and_the_chosen(self):
        model = make_model(StageSchedule(9), full_share=0.0, distillation_weight=0.5)
        before = values(model.estimator.trainable_variables)
        history = fit(model, dataset(1))
        self.assertTrue(np.isfinite(history["grey_loss"][0]))
        self.assertTrue(all(changed(before, model.estimator.trainable_variables)))

    def test_evaluate_reports_what_a_person_asks_for(self):
        model = make_model()
        data = dataset(2)
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
        levels = model.select_levels(images, "grey")
        shares = model.cost_table("grey").macs_share(levels)
        self.assertAllClose(results["grey_macs_share"], np.mean(shares), rtol=1e-5)

    def test_evaluation_accepts_tasks_of_different_sizes(self):
        model = make_model()
        batch = random_batch()
        empty = {"colour": tuple(part[:0] for part in batch["colour"]), "grey": batch["grey"]}
        data = tf.data.Dataset.from_generator(
            lambda: iter([batch, empty]),
            output_signature={
                task: (
                    tf.TensorSpec((None, *TASKS[task]["image_shape"]), tf.uint8),
                    tf.TensorSpec((None,), tf.int32),
                )
                for task in TASKS
            },
        )
        results = model.evaluate(data, verbose=0, return_dict=True)
        alone = model.evaluate(tf.data.Dataset.from_tensors(batch), verbose=0, return_dict=True)
        self.assertAllClose(results["colour_accuracy"], alone["colour_accuracy"])
        self.assertAllClose(results["colour_loss"], alone["colour_loss"], rtol=1e-4)

    def test_a_loaded_model_goes_on_as_if_never_stopped(self):
        whole, stopped = make_model(), make_model()
        fit(whole, dataset(7, ("grey",)))
        fit(stopped, dataset(4, ("grey",)))
        path = os.path.join(self.get_temp_dir(), "model.keras")
        stopped.save(path)
        loaded = keras.saving.load_model(path)
        self.assertEqual(int(loaded.step.numpy()), 4)
        fit(loaded, dataset(3, ("grey",), start=4))
        for actual, expected in zip(values(loaded), values(whole), strict=True):
            self.assertAllClose(actual, expected, atol=1e-6)

    def test_it_trains_on_several_devices(self):
        devices = tf.config.list_logical_devices("CPU")
        self.assertLen(devices, 2)
        with tf.distribute.MirroredStrategy([device.name for device in devices]).scope():
            model = make_model(StageSchedule(1, rounds=1))
        history = fit(model, dataset(4, ("grey",)))
        self.assertEqual(int(model.step.numpy()), 4)
        self.assertTrue(np.isfinite(history["grey_loss"][0]))

    def test_two_devices_with_the_same_images_are_one(self):
        settings = {"full_share": 1.0, "distillation_weight": 0.0, "l2": 0.1}
        alone = make_model(StageSchedule(5), **settings)
        fit(alone, dataset(1, ("grey",)))
        devices = tf.config.list_logical_devices("CPU")
        with tf.distribute.MirroredStrategy([device.name for device in devices]).scope():
            mirrored = make_model(StageSchedule(5), **settings)
        twice = dataset(1, ("grey",)).map(
            lambda batch: tf.nest.map_structure(lambda x: tf.concat([x, x], 0), batch)
        )
        fit(mirrored, twice)
        for actual, expected in zip(
            values(mirrored.estimator.task_variables("grey")),
            values(alone.estimator.task_variables("grey")),
            strict=True,
        ):
            self.assertAllClose(actual, expected, atol=1e-4)

    def test_data_that_is_no_dict_of_tasks_is_refused(self):
        with self.assertRaisesRegex(ValueError, "must be dicts {task: "):
            fit(make_model(), tf.data.Dataset.from_tensors(random_batch()["grey"]))

    def test_config_round_trip(self):
        config = make_model().get_config()
        self.assertEqual(config["seed"], 5)
        self.assertEqual(DeepElasticNetwork.from_config(config).get_config(), config)


if __name__ == "__main__":
    tf.test.main()
