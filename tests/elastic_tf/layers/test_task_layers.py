"""Tests of stem and head."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.task_layers import TaskHead, TaskStem, make_stems
from tests.testing import TASKS, randomise


class TaskStemTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((8, 1), (28, 1), (32, 1), (64, 2), (96, 3))
    def test_strides_bring_any_image_near_the_trunk_size(self, size, strides):
        self.assertEqual(TaskStem("a", 4, (size, size, 3)).strides, strides)

    def test_types_of_pixels_do_not_matter(self):
        stem = TaskStem("a", 4, (8, 8, 1))
        stem.build()
        randomise(stem)
        images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1)).astype(np.uint8)
        self.assertAllClose(stem(images), stem(images.astype(np.float32)), atol=1e-6)

    def test_pixels_are_centred(self):
        stem = TaskStem("a", 4, (8, 8, 1))
        stem.build()
        self.assertAllClose(stem(np.full((1, 8, 8, 1), 127.5)), np.zeros((1, 8, 8, 4)), atol=1e-6)

    def test_images_of_another_shape_are_refused(self):
        stem = TaskStem("a", 4, (8, 8, 1))
        with self.assertRaisesRegex(ValueError, r"task 'a' must have shape \(batch, 8, 8, 1\)"):
            stem(np.zeros((2, 9, 8, 1), np.uint8))

    def test_macs_by_hand(self):
        stem = TaskStem("a", 4, (64, 60, 3))
        stem.build()
        self.assertEqual(stem.macs(), 32 * 30 * 49 * 3 * 4)


class TaskHeadTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.head = TaskHead("a", 3)
        self.head.build((None, 2, 2, 5))
        randomise(self.head)

    def test_logits_by_numpy(self):
        inputs = np.random.default_rng(0).normal(size=(4, 2, 2, 5)).astype(np.float32)
        norm, linear = self.head.norm, self.head.linear
        mean, variance = norm.moving_means["a"].numpy(), norm.moving_variances["a"].numpy()
        normed = (inputs - mean) / np.sqrt(variance + 1e-3) * norm.gamma + norm.beta
        pooled = np.maximum(normed, 0).mean((1, 2))
        expected = pooled @ linear.kernel.numpy() + linear.bias.numpy()
        self.assertAllClose(self.head(inputs), expected, atol=1e-5)

    def test_macs_by_hand(self):
        self.assertEqual(self.head.macs(), 15)


class MakeStemsTest(tf.test.TestCase):
    def test_every_task_has_its_own(self):
        stems = make_stems(TASKS, 4, trunk_size=4, momentum=0.5)
        self.assertEqual(
            {name: (stem.task, stem.image_shape, stem.strides) for name, stem in stems.items()},
            {"grey": ("grey", (8, 8, 1), 2), "colour": ("colour", (11, 9, 3), 3)},
        )
        self.assertEqual({stem.momentum for stem in stems.values()}, {0.5})


if __name__ == "__main__":
    tf.test.main()
