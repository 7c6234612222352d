"""Tests of the checks of tasks."""

import json
import warnings

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.models.tasks import (
    as_pixels,
    check_finite,
    check_task,
    validate_tasks,
    warn_of_pixels,
)
from tests import testing
from tests.testing import TASKS, random_images


class TasksTest(testing.TestCase):
    def test_lists_from_json_become_tuples(self):
        tasks = {"a": {"image_shape": [8, 8, 1], "num_classes": 3}}
        self.assertEqual(validate_tasks(tasks)["a"]["image_shape"], (8, 8, 1))

    def test_integers_of_numpy_are_integers(self):
        tasks = {"a": {"image_shape": np.array([8, 8, 1]), "num_classes": np.int32(3)}}
        found = validate_tasks(tasks)
        self.assertEqual(found, {"a": {"image_shape": (8, 8, 1), "num_classes": 3}})
        json.dumps(found)  # As configs are saved.

    @parameterized.parameters(
        ({}, "at least one task"),
        ([], "at least one task"),
        ({"a b": TASKS["grey"]}, "Names in `tasks`"),
        ({"a": {"image_shape": (8, 8, 1)}}, "keys 'image_shape' and 'num_classes'"),
        ({"a": {"image_shape": (8, 8), "num_classes": 3}}, "three integers"),
        ({"a": {"image_shape": (8, 0, 1), "num_classes": 3}}, "three integers"),
        ({"a": {"image_shape": (True, 8, 1), "num_classes": 3}}, "three integers"),
        ({"a": {"image_shape": 8, "num_classes": 3}}, "three integers"),
        ({"a": {"image_shape": (8, 8, 1), "num_classes": 1}}, "integer >= 2"),
    )
    def test_faults_are_named(self, tasks, fault):
        with self.assertRaisesRegex(ValueError, fault):
            validate_tasks(tasks)

    def test_an_unknown_task_is_named(self):
        with self.assertRaisesRegex(ValueError, "`task` must be one of .*grey.*Received: task=b"):
            check_task("b", TASKS)


class PixelsTest(testing.TestCase):
    def _warnings(self, data):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warn_of_pixels(data)
        return [str(each.message) for each in caught]

    @parameterized.parameters(np.float16, np.float32, np.float64)
    def test_images_that_were_scaled_are_named(self, dtype):
        images = random_images()
        scaled = {
            "0..1": images.astype(dtype) / dtype(255),
            "-1..1": images.astype(dtype) / dtype(127.5) - dtype(1),
        }
        for pixels, values in scaled.items():
            for data in (
                {"grey": values},
                {"grey": (tf.constant(values), np.zeros(6))},
                tf.data.Dataset.from_tensors({"colour": random_images("colour"), "grey": values}),
            ):
                (message,) = self._warnings(data)
                self.assertRegex(message, f"task 'grey' must have pixels in 0..255.*in {pixels}$")

    def test_others_are_not(self):
        images = random_images()
        for data in (
            {"grey": images.astype(np.float32)},
            {"grey": (images > 99).astype(np.uint8)},
            {"grey": np.zeros((2, 8, 8, 1), np.float32)},
            {"grey": np.zeros((0, 8, 8, 1), np.float32)},
            tf.data.Dataset.from_tensors({"grey": (images, np.ones(6, np.float32))}),
            tf.data.Dataset.from_tensors(images.astype(np.float32)),
            iter([{"grey": images}]),
        ):
            self.assertEmpty(self._warnings(data))

    @parameterized.parameters(-1.0, 0.5, 256.0, float("nan"))
    def test_pixels_that_a_type_does_not_hold_are_refused(self, pixel):
        images = np.float32([[0.0, pixel, 255.0]])
        with self.assertRaisesRegex(ValueError, "`images` must have whole pixels in 0..255"):
            as_pixels(images, "uint8")
        self.assertAllEqual(as_pixels(images.astype(np.float64), "float32"), images)
        whole = as_pixels([[0, 255]], "uint8")
        self.assertEqual((whole.dtype, whole.tolist()), (np.uint8, [[0, 255]]))


class CheckFiniteTest(testing.TestCase):
    @parameterized.parameters(float("nan"), float("inf"))
    def test_a_weight_is_named(self, value):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="last")])
        check_finite(model)
        model.layers[-1].kernel.assign([[0.0, value], [1.0, 2.0]])
        with self.assertRaisesRegex(
            ValueError, "of the file must be finite. Received: .*last/kernel with 1 of 4"
        ):
            check_finite(model, "the file")
