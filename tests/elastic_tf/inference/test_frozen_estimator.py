"""Tests of the frozen estimator."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_estimator import FrozenEstimator, FrozenStem
from elastic_tf.layers.task_layers import TaskStem
from elastic_tf.models.estimator import Estimator
from tests.testing import TASKS, random_images, randomise


class FrozenStemTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(task=tuple(TASKS), trunk_size=(4, 32))
    def test_it_is_the_stem(self, task, trunk_size):
        stem = TaskStem(task, 6, TASKS[task]["image_shape"], trunk_size=trunk_size)
        stem.build()
        randomise(stem)
        images = random_images(task)
        self.assertAllClose(FrozenStem(stem)(images), stem(images), rtol=1e-4, atol=1e-4)


BACKBONES = ("wrn-8-1", "resnet-10-4", "vgg-8-4")


def make_estimator(backbone="wrn-8-1", **kwargs):
    estimator = Estimator(TASKS, backbone=backbone, **kwargs)
    randomise(estimator)
    return estimator


def random_levels(estimator, batch, seed=0):
    shape = (batch, estimator.num_blocks)
    return np.random.default_rng(seed).integers(0, estimator.num_levels, shape)


def frozen_function(estimator, task, batch=None):
    """Returns the frozen estimator as a graph for a batch size, or for any."""
    signature = [
        tf.TensorSpec((batch, *TASKS[task]["image_shape"]), tf.uint8),
        tf.TensorSpec((batch, estimator.num_blocks), tf.int32),
    ]
    return tf.function(FrozenEstimator(estimator, task), input_signature=signature)


class FrozenEstimatorTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(
        backbone=BACKBONES, task=tuple(TASKS), batch=(0, 1, 9), static=(True, False)
    )
    def test_it_is_the_masked_estimator(self, backbone, task, batch, static):
        estimator = make_estimator(backbone, execution="masked")
        run = frozen_function(estimator, task, batch if static else None)
        images, levels = random_images(task, batch), random_levels(estimator, batch)
        actual = run(images, levels)
        self.assertEqual(actual.shape, (batch, TASKS[task]["num_classes"]))
        expected = estimator(images, levels=levels, task=task)
        self.assertAllClose(actual, expected, rtol=1e-4, atol=1e-5)

    @parameterized.parameters(*BACKBONES)
    def test_uniform_levels_are_the_masked_estimator(self, backbone):
        estimator = make_estimator(backbone, execution="masked")
        run, images = frozen_function(estimator, "grey"), random_images("grey", 4)
        for level in range(estimator.num_levels):
            levels = np.full((4, estimator.num_blocks), level)
            expected = estimator(images, levels=levels, task="grey")
            self.assertAllClose(run(images, levels), expected, rtol=1e-4, atol=1e-5)

    @parameterized.parameters(*BACKBONES)
    def test_without_levels_it_is_the_full_model(self, backbone):
        estimator, images = make_estimator(backbone), random_images("colour", 3)
        actual = tf.function(FrozenEstimator(estimator, "colour"))(images)
        self.assertAllClose(actual, estimator(images, task="colour"), rtol=1e-4, atol=1e-5)

    def test_ratios_per_block_and_three_levels(self):
        ratios = [[0, 0.5, 1], [0, 0.25, 1], [0, 0.7, 1]]
        estimator = make_estimator(ratios=ratios, execution="masked")
        run, images = frozen_function(estimator, "grey"), random_images("grey", 8)
        levels = random_levels(estimator, 8)
        expected = estimator(images, levels=levels, task="grey")
        self.assertAllClose(run(images, levels), expected, rtol=1e-4, atol=1e-5)

    def test_an_image_alone_is_the_image_in_any_batch(self):
        estimator = make_estimator()
        images, levels = random_images("grey", 5), random_levels(estimator, 5)
        together = frozen_function(estimator, "grey")(images, levels)
        alone = frozen_function(estimator, "grey", 1)
        for i in range(5):
            actual = alone(images[i : i + 1], levels[i : i + 1])
            self.assertAllClose(actual, together[i : i + 1], rtol=1e-4, atol=1e-5)

    @parameterized.parameters(*BACKBONES)
    def test_a_graph_for_any_batch_holds_the_weights_once(self, backbone):
        estimator = make_estimator(backbone)
        one = self._num_constants(frozen_function(estimator, "grey", 1))
        self.assertLess(self._num_constants(frozen_function(estimator, "grey")), 1.05 * one)

    def _num_constants(self, function):
        """Returns how many numbers a graph holds, its functions included."""
        graph = function.get_concrete_function().graph.as_graph_def()
        nodes = [*graph.node, *(node for each in graph.library.function for node in each.node_def)]
        return sum(
            tf.make_ndarray(node.attr["value"].tensor).size for node in nodes if node.op == "Const"
        )

    def test_later_training_does_not_change_it(self):
        estimator, images = make_estimator(), random_images("grey", 2)
        frozen = FrozenEstimator(estimator, "grey")
        before = frozen(images)
        randomise(estimator, seed=1)
        self.assertAllEqual(frozen(images), before)
        self.assertNotAllClose(estimator(images, task="grey"), before)

    def test_wrong_images_are_named(self):
        frozen = FrozenEstimator(make_estimator(), "grey")
        with self.assertRaisesRegex(ValueError, r"task 'grey'.*Received: images.shape=\(2, 9"):
            frozen(np.zeros((2, 9, 8, 1)))

    def test_wrong_levels_are_named(self):
        frozen = FrozenEstimator(make_estimator(), "grey")
        with self.assertRaisesRegex(ValueError, r"\(batch, 3\).*Received: levels.shape=\(2, 4\)"):
            frozen(random_images("grey", 2), np.zeros((2, 4), np.int32))

    @parameterized.parameters(-1, 4)
    def test_levels_out_of_range_are_refused(self, level):
        run = frozen_function(make_estimator(), "grey")
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "`levels` must be in"):
            run(random_images("grey", 2), np.full((2, 3), level, np.int32))

    def test_unknown_task_is_named(self):
        with self.assertRaisesRegex(ValueError, "Received: task=blue"):
            FrozenEstimator(make_estimator(), "blue")


if __name__ == "__main__":
    tf.test.main()
