"""Tests of the frozen estimator."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_estimator import FrozenEstimator, FrozenStem
from elastic_tf.layers.task_layers import STEM_KINDS, TaskStem
from elastic_tf.models.estimator import Estimator
from elastic_tf.policies.second_look import SecondLook
from tests import testing
from tests.testing import BACKBONES, TASKS, random_images, random_levels, randomise


class FrozenStemTest(testing.TestCase):
    @parameterized.product(task=tuple(TASKS), trunk_size=(4, 32), input_size=(None, 14))
    def test_it_is_the_stem(self, task, trunk_size, input_size):
        self._check(TaskStem(task, 6, TASKS[task]["image_shape"], trunk_size, input_size))

    @parameterized.parameters(*STEM_KINDS)
    def test_it_is_the_stem_of_any_kind(self, kind):
        self._check(TaskStem("colour", 6, TASKS["colour"]["image_shape"], kind=kind))

    def _check(self, stem):
        task = stem.task
        stem.build()
        randomise(stem)
        images = random_images(task)
        self.assert_near(FrozenStem(stem)(images), stem(images), 1e-5)
        self.assertEqual(stem(images).shape[1:3], stem.output_size)


def make_estimator(backbone="wrn-8-1", **kwargs):
    return randomise(Estimator(TASKS, backbone=backbone, execution="masked", **kwargs))


def frozen_function(estimator, task="grey", batch=None):
    """Returns the frozen estimator as a graph for a batch size, or for any."""
    signature = [
        tf.TensorSpec((batch, *TASKS[task]["image_shape"]), tf.uint8),
        tf.TensorSpec((batch, estimator.num_blocks), tf.int32),
    ]
    return tf.function(FrozenEstimator(estimator, task), input_signature=signature)


def num_constants(function):
    """Returns how many numbers a graph holds, its functions included."""
    graph = function.get_concrete_function().graph.as_graph_def()
    nodes = [*graph.node, *(node for each in graph.library.function for node in each.node_def)]
    return sum(
        tf.make_ndarray(node.attr["value"].tensor).size for node in nodes if node.op == "Const"
    )


class FrozenEstimatorTest(testing.TestCase):
    @parameterized.parameters(
        *((backbone, "grey") for backbone in BACKBONES), ("wrn-8-1", "colour")
    )
    def test_it_is_the_masked_estimator(self, backbone, task):
        estimator = make_estimator(backbone)
        run = frozen_function(estimator, task)

        def check(run, images, levels):
            actual = run(images, levels)
            self.assertEqual(actual.shape, (len(images), TASKS[task]["num_classes"]))
            expected = estimator(images, levels=levels, task=task)
            self.assertAllClose(actual, expected, rtol=1e-4, atol=1e-5)

        for batch in (0, 1, 9):
            check(run, random_images(task, batch), random_levels(estimator, batch))
        images = random_images(task, 4)
        for level in range(estimator.num_levels):
            check(run, images, np.full((4, estimator.num_blocks), level, np.int32))
        self.run_batch_independence_test(run, images, random_levels(estimator, 4))
        full = FrozenEstimator(estimator, task)(images)
        self.assertAllClose(full, estimator(images, task=task), rtol=1e-4, atol=1e-5)
        # A graph for one image, and one for any batch, which holds the weights once.
        one = frozen_function(estimator, task, 1)
        check(one, images[:1], random_levels(estimator, 1))
        self.assertLess(num_constants(run), 1.1 * num_constants(one))

    def test_ratios_per_block_in_a_graph_of_known_batch(self):
        estimator = make_estimator(ratios=[[0, 0.5, 1], [0, 0.25, 1], [0, 0.7, 1]])
        images, levels = random_images("grey", 8), random_levels(estimator, 8)
        expected = estimator(images, levels=levels, task="grey")
        actual = frozen_function(estimator, batch=8)(images, levels)
        self.assertAllClose(actual, expected, rtol=1e-4, atol=1e-5)

    def test_later_training_does_not_change_it(self):
        estimator, images = make_estimator(), random_images("grey", 2)
        frozen = FrozenEstimator(estimator, "grey")
        before = frozen(images)
        randomise(estimator, seed=1)
        self.assertAllEqual(frozen(images), before)
        self.assertNotAllClose(estimator(images, task="grey"), before)

    def test_bad_calls_are_refused(self):
        estimator = make_estimator()
        frozen, images = FrozenEstimator(estimator, "grey"), random_images("grey", 2)
        with self.assertRaisesRegex(ValueError, r"task 'grey'.*Received: images.shape=\(2, 9"):
            frozen(np.zeros((2, 9, 8, 1)))
        with self.assertRaisesRegex(ValueError, r"\(batch, 3\).*Received: levels.shape=\(2, 4\)"):
            frozen(images, np.zeros((2, 4), np.int32))
        for level in (-1, 4):
            with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "`levels` must be in"):
                frozen(images, np.full((2, 3), level, np.int32))
        with self.assertRaisesRegex(ValueError, "Received: task=blue"):
            FrozenEstimator(estimator, "blue")


class LookTwiceTest(testing.TestCase):
    LOOKS = (([0, 1, 1], [2, 3, 3]), ([1, 1, 0], [1, 3, 3]), ([1, 2, 2], [1, 2, 3]))

    @parameterized.parameters(*LOOKS, ([1, 2, 0], [1, 2, 0]))
    def test_it_is_the_second_answer_where_the_first_is_unsure(self, first, second):
        estimator = make_estimator()
        for weight in estimator.heads["grey"].linear.weights:
            weight.assign(weight / 50)  # Or all would be sure.
        images = random_images("grey", 12)
        answers = [
            estimator(images, levels=np.tile(levels, (12, 1)), task="grey").numpy()
            for levels in (first, second)
        ]
        exponentials = np.exp(answers[0] - answers[0].max(-1, keepdims=True))
        confidence = (exponentials / exponentials.sum(-1, keepdims=True)).max(-1)
        look = SecondLook(first, second, float(np.sort(confidence)[4:6].mean()))
        found = self._graph(estimator, look)(images)
        logits, seen_twice = found["logits"], found["seen_twice"]
        self.assertAllEqual(seen_twice, confidence < look.threshold)
        self.assertEqual(int(np.sum(seen_twice)), 5)
        expected = np.where(confidence[:, np.newaxis] < look.threshold, answers[1], answers[0])
        self.assert_near(logits, expected, 1e-4)
        levels = np.where(confidence[:, np.newaxis] < look.threshold, second, first)
        self.assertAllEqual(found["levels"], levels)

    @parameterized.parameters((0.0, 0), (2.0, 6))
    def test_of_none_or_all_images_and_any_batch(self, threshold, expected):
        estimator = make_estimator()
        images = random_images("grey", 6)
        graph = self._graph(estimator, SecondLook([0, 1, 1], [2, 3, 3], threshold))
        self.assertEqual(int(np.sum(graph(images)["seen_twice"])), expected)
        self.run_batch_independence_test(lambda images: graph(images)["logits"], images)

    def test_a_temperature_changes_who_is_unsure(self):
        estimator = make_estimator()
        for weight in estimator.heads["grey"].linear.weights:
            weight.assign(weight / 50)
        images, levels = random_images("grey", 12), [0, 1, 1]
        logits = estimator(images, levels=np.tile(levels, (12, 1)), task="grey").numpy()
        for temperature in (0.5, 3.0):
            exponentials = np.exp(logits / temperature)
            confidence = (exponentials / exponentials.sum(-1, keepdims=True)).max(-1)
            look = SecondLook(levels, [2, 3, 3], np.median(confidence), temperature)
            found = self._graph(estimator, look)(images)["seen_twice"]
            self.assertAllEqual(found, confidence < look.threshold)

    def _graph(self, estimator, look):
        frozen = FrozenEstimator(estimator, "grey")
        signature = [tf.TensorSpec((None, *TASKS["grey"]["image_shape"]), tf.uint8)]
        return tf.function(lambda images: frozen.look_twice(images, look), signature)
