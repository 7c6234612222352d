"""Tests of stem and head."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.task_layers import TaskHead, TaskStem, make_stems
from tests import testing
from tests.testing import TASKS, keras_norm, normal, random_images, randomise


class TaskStemTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.init_kwargs = {"task": "grey", "filters": 4, "image_shape": (8, 8, 1)}
        self.stem = TaskStem(**self.init_kwargs)
        self.stem.build()

    @parameterized.parameters((8, 1), (28, 1), (32, 1), (64, 2), (96, 3))
    def test_strides_bring_any_image_near_the_trunk_size(self, size, strides):
        self.assertEqual(TaskStem("a", 4, (size, size, 3)).strides, strides)

    def test_types_of_pixels_do_not_matter_and_grey_is_zero(self):
        grey = np.full((1, 8, 8, 1), 127.5)
        self.assertAllClose(self.stem(grey), np.zeros((1, 8, 8, 4)), atol=1e-6)
        randomise(self.stem)
        images = random_images("grey", 2)
        self.assertAllClose(self.stem(images), self.stem(images.astype(np.float32)), atol=1e-6)

    def test_images_of_another_shape_are_refused(self):
        with self.assertRaisesRegex(ValueError, r"task 'grey' must have shape \(batch, 8, 8, 1\)"):
            self.stem(np.zeros((2, 9, 8, 1), np.uint8))

    @parameterized.parameters("filters", "trunk_size", "input_size")
    def test_sizes_are_integers(self, name):
        for value in (0, 2.5, True):
            with self.assertRaisesRegex(ValueError, f"`{name}` must be an integer >= 1.*{value}"):
                TaskStem(**self.init_kwargs | {name: value}).build()
        TaskStem(**self.init_kwargs | {name: np.int64(4)}).build()

    def test_images_of_unknown_shape_are_checked_when_they_come(self):
        run = tf.function(self.stem, input_signature=[tf.TensorSpec(None, tf.uint8)])
        images = random_images("grey", 2)
        self.assertAllClose(run(images), self.stem(images), atol=1e-6)
        with self.assertRaises(tf.errors.InvalidArgumentError):
            run(images[:, :7])

    def test_macs_by_hand(self):
        stem = TaskStem("a", 4, (64, 60, 3))
        stem.build()
        self.assertEqual(stem.macs(), 32 * 30 * 49 * 3 * 4)

    def test_kinds_have_sizes_and_macs_of_their_own(self):
        mobile = TaskStem("a", 16, (32, 32, 3), input_size=64, kind="lite0")
        residual = TaskStem("a", 64, (64, 60, 3), kind="resnetv2")
        for stem in (mobile, residual):
            stem.build()
        self.assertEqual((mobile.output_size, residual.output_size), ((32, 32), (16, 15)))
        self.assertEqual(mobile.macs(), 32 * 32 * (27 * 32 + 9 * 32 + 32 * 16))
        self.assertEqual(residual.macs(), 32 * 30 * 49 * 3 * 64)

    def test_config(self):
        self.run_config_test(TaskStem, self.init_kwargs | {"trunk_size": 4, "momentum": 0.5})

    def test_every_task_has_its_own(self):
        stems = make_stems(TASKS, 4, trunk_size=4, momentum=0.5)
        self.assertEqual(
            {name: (s.task, s.image_shape, s.strides, s.momentum) for name, s in stems.items()},
            {"grey": ("grey", (8, 8, 1), 2, 0.5), "colour": ("colour", (11, 9, 3), 3, 0.5)},
        )


class TaskHeadTest(testing.TestCase):
    def test_logits_and_macs_by_numpy(self):
        head = TaskHead("a", 3)
        head.build((None, 2, 2, 5))
        randomise(head)
        inputs = normal(4, 2, 2, 5)
        pooled = np.maximum(keras_norm(head.norm, "a")(inputs), 0).mean((1, 2))
        expected = pooled @ head.linear.kernel.numpy() + head.linear.bias.numpy()
        self.assertAllClose(head(inputs), expected, atol=1e-5)
        self.assertEqual(head.macs((2, 2)), 15)
        mobile = TaskHead("a", 3, kind="mobile")
        mobile.build((None, 2, 2, 5))
        self.assertEqual(mobile.macs((2, 2)), 4 * 5 * 1280 + 1280 * 3)

    def test_config(self):
        self.run_config_test(TaskHead, {"task": "a", "num_classes": 3, "momentum": 0.5})
