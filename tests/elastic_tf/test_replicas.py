"""Tests of training on several devices: it is that on one, with the whole batch."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf import replicas
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.machines import evaluate_on_machines
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import StageSchedule
from tests import testing
from tests.testing import TASKS

BATCH = 12  # Six for each of two devices.
STAGES = StageSchedule(0, rounds=2, selector_steps=1, estimator_steps=2)
SELECTOR = StageSchedule(0, rounds=1, selector_steps=2)


def batch(size, seed):
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (size, *TASKS["grey"]["image_shape"])).astype(np.uint8)
    labels = generator.integers(0, TASKS["grey"]["num_classes"], size).astype(np.int32)
    return images, labels


def dataset(steps, size=BATCH):
    """Returns different batches, each of a static size."""
    parts = zip(*(batch(size, seed) for seed in range(steps)), strict=True)
    return tf.data.Dataset.from_tensor_slices({"grey": tuple(map(np.stack, parts))})


def new_model(strategy=None, selector_kind="network"):
    keras.utils.set_random_seed(0)
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = DeepElasticNetwork(
            {"grey": TASKS["grey"]},
            backbone="wrn-8-1",
            ratios=(0.0, 0.5, 1.0),
            trunk_size=4,
            seed=5,
            selector_kind=selector_kind,
        )
    if selector_kind == "trunk":
        testing.randomise(model.selector)  # Or it would choose alike for all images.
    return model


class ReplicasTest(testing.TestCase):
    @parameterized.named_parameters(
        # Whose shares do not divide the batch.
        (
            "the_whole_method",
            "network",
            STAGES,
            {"target_macs": 0.5, "teacher_share": 0.4, "smallest_share": 0.2, "unsure_weight": 1.0},
        ),
        ("in_the_trunk", "trunk", SELECTOR, {"target_macs": 0.5, "credit": "batch"}),
        ("gates", "network", SELECTOR, {"selector_gradient": "gumbel", "entropy_weight": 0.1}),
    )
    @pytest.mark.slow
    def test_two_devices_take_the_steps_of_one(self, selector_kind, stages, method):
        # One image of the first of three batches for the first device alone.
        held_out = {"validation_data": dataset(3, size=7)} if stages is STAGES else {}
        models, histories = [], []
        for strategy in (None, testing.two_devices()):
            model = new_model(strategy, selector_kind)
            options = {}
            if selector_kind == "trunk":  # Adam makes much of the last digits of small gradients.
                with strategy.scope() if strategy else contextlib.nullcontext():
                    options["selector_optimizer"] = keras.optimizers.SGD(0.1)
            model.compile(stages, MethodSettings(**method), **options)
            history = model.fit(
                dataset(stages.total_steps).repeat(),
                steps_per_epoch=stages.total_steps // 2,
                epochs=2,
                verbose=0,
                shuffle=False,
                **held_out,
            )
            models.append(model)
            histories.append(history.history)
        for one, other in zip(models[0].variables, models[1].variables, strict=True):
            self.assertAllClose(one, other, rtol=1e-5, atol=1e-5, msg=one.path)
        self.assertEqual(set(histories[0]), set(histories[1]))
        for name, figures in histories[0].items():
            self.assertAllClose(figures, histories[1][name], rtol=1e-5, atol=1e-5, msg=name)
        self._check_alike(testing.two_devices(), models[1])

    def _check_alike(self, strategy, model):
        """All devices have the same weights, averages and price: what one saves is all there is."""
        for variable in model.variables:
            first, *others = strategy.experimental_local_results(variable.value)
            for other in others:
                self.assertAllEqual(first, other, variable.path)

    @pytest.mark.slow
    def test_an_evaluation_by_machines_is_that_of_keras(self):
        model = new_model(testing.two_devices())
        model.compile(STAGES)
        data = dataset(2, size=7)
        dealt = replicas.deal(data, testing.two_devices())
        for options in ({"return_dict": True}, {}):
            expected = model.evaluate(data, verbose=0, **options)
            self.assertAllClose(evaluate_on_machines(model, dealt, verbose=0, **options), expected)
        with self.assertRaisesRegex(TypeError, "sample_weight"):
            evaluate_on_machines(model, dealt, sample_weight=[1.0])

    def test_all_images_are_dealt_once_and_in_order(self):
        sizes = {"long": (5, 4), "short": (3, 0)}  # Of two batches.
        batches = [
            {task: tf.range(100 * of[i], 100 * of[i] + of[i]) for task, of in sizes.items()}
            for i in (0, 1)
        ]
        data = tf.data.Dataset.from_generator(
            lambda: iter(batches),
            output_signature=dict.fromkeys(sizes, tf.TensorSpec([None], tf.int32)),
        )
        strategy = testing.two_devices()
        dealt = [
            [part["long"].numpy().tolist(), part["short"].numpy().tolist()]
            for step in replicas.deal(data, strategy)
            for part in zip(*map(strategy.experimental_local_results, step.values()), strict=True)
            for part in [dict(zip(step, part, strict=True))]
        ]
        expected = [
            [[500, 501], [300]],
            [[502, 503], [301]],
            [[504], [302]],
            [[], []],
            [[400, 401], []],
            [[402, 403], []],
        ]
        self.assertEqual(dealt, expected)

    def test_one_device_is_dealt_all(self):
        data = dataset(1)
        self.assertIs(replicas.deal(data, tf.distribute.get_strategy()), data)
        self.assertEqual((replicas.count(), float(replicas.mean(3.0))), (1, 3.0))

    @parameterized.named_parameters(
        ("no_multiple", dataset(1, size=7), "multiple of 2 images.*Received: 7"),
        ("no_known_size", dataset(6).unbatch().batch(4), "multiple of 2 images.*Received: None"),
        ("no_known_length", dataset(2).filter(lambda _: True), "of known length"),
        ("arrays", {"grey": batch(4, 0)}, "`x` must be a `tf.data.Dataset`.*Received: dict"),
    )
    def test_data_that_devices_cannot_share_is_refused(self, data, message):
        model = new_model(testing.two_devices())
        model.compile(STAGES)
        with self.assertRaisesRegex(ValueError, message):
            model.fit(data, verbose=0, shuffle=False)

    @parameterized.parameters("optimizer", "selector_optimizer")
    def test_an_optimizer_of_one_device_is_refused(self, name):
        model = new_model(testing.two_devices())
        message = f"`{name}` must be made within the scope.*2 devices. Received: {name}=Adam"
        with self.assertRaisesRegex(ValueError, message):
            model.compile(STAGES, **{name: keras.optimizers.Adam()})

    def test_steps_in_one_graph_are_refused(self):
        model = new_model(testing.two_devices())
        model.compile(STAGES, steps_per_execution=2)
        with self.assertRaisesRegex(ValueError, "must be 1 on 2 devices. Received: steps_per_ex"):
            model.fit(dataset(2), verbose=0, shuffle=False)


if __name__ == "__main__":
    tf.test.main()
