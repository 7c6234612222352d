"""Tests of exports that take images of any size."""

import pathlib
import tempfile

import numpy as np
import onnx
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.export.image_sizes import at_size_of
from elastic_tf.export.loaded_export import LoadedExport
from elastic_tf.export.network_export import export_network
from elastic_tf.export.options import ExportOptions
from tests.elastic_tf.export.small_exports import (
    ANY_SIZE,
    expected_answer,
    exported,
    small_network,
)
from tests.testing import TASKS, random_images

SIZES = ((40, 56), (5, 13), (8, 20), (1, 1))


def images_of(size, task="grey", batch=6):
    shape = (batch, *size, TASKS[task]["image_shape"][-1])
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def stretched(images, task="grey"):
    """Returns images at the task's size, float32, by the formula of half-pixel centres."""
    images = images.astype(np.float64)
    for axis, size in enumerate(TASKS[task]["image_shape"][:2], 1):
        last = images.shape[axis] - 1
        at = (np.arange(size) + 0.5) * (last + 1) / size - 0.5
        share = (at - np.floor(at)).reshape([-1] + [1] * (3 - axis))
        low, high = (
            images.take(np.clip(np.floor(at).astype(int) + step, 0, last), axis) for step in (0, 1)
        )
        images = low + share * (high - low)
    return images.astype(np.float32)


class AtSizeOfTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(size=SIZES, task=tuple(TASKS), dtype=("uint8", "float32"))
    def test_it_is_bilinear_between_the_centres_of_pixels(self, size, task, dtype):
        images = images_of(size, task)
        resized = at_size_of(TASKS[task]["image_shape"], tf.constant(images.astype(dtype)))
        self.assertAllClose(resized, stretched(images, task), rtol=0, atol=2e-3)

    def test_images_of_the_tasks_size_keep_their_pixels(self):
        images = random_images("colour")
        self.assertIs(at_size_of((11, 9, 3), images), images)

        @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])
        def resized(images):
            return at_size_of((11, 9, 3), images)

        self.assertAllEqual(resized(images), images)


@pytest.mark.slow
class AnySizeTest(tf.test.TestCase, parameterized.TestCase):
    def _check(self, answer, images, options, task="grey"):
        levels, probabilities = expected_answer(images, options, task)
        self.assertAllEqual(answer["levels"], levels)
        self.assertAllClose(answer["probabilities"], probabilities, rtol=0, atol=1e-5)
        self.assertAllEqual(answer["classes"], probabilities.argmax(-1))

    @parameterized.product(name=tuple(ANY_SIZE), size=SIZES)
    def test_images_of_any_size_are_stretched_to_the_tasks(self, name, size):
        loaded = LoadedExport(exported(name), "grey")
        self.assertTrue(loaded.manifest["any_image_size"])
        images = images_of(size)
        for batch in (0, 1, 6):
            answer = loaded.predict(images[:batch])
            self.assertEqual(answer["probabilities"].shape, (batch, 3))
            if batch:
                self._check(answer, stretched(images[:batch]), ANY_SIZE[name])

    @parameterized.parameters(*ANY_SIZE)
    def test_images_of_the_tasks_size_are_answered_as_without(self, name):
        images = random_images("grey", 20)
        plain, any_size = (
            LoadedExport(exported(each), "grey").predict(images)
            for each in (name.removesuffix("_any_size"), name)
        )
        for output, expected in plain.items():
            self.assertAllClose(any_size[output], expected, rtol=0, atol=1e-6)

    def test_every_task_and_budget_of_a_saved_model_takes_them(self):
        folder = exported("dynamic_saved_model_any_size")
        images = images_of((40, 56))
        for budget in (0.3, 0.8):
            answer = LoadedExport(folder, "grey").predict(images, budget)
            self._check(answer, stretched(images), {"budget": budget, "policy": "selector"})
        images = images_of((40, 56), "colour")
        answer = LoadedExport(folder, "colour").predict(images)
        self._check(answer, stretched(images, "colour"), {}, "colour")

    def test_bfloat16_takes_them(self):
        options = ExportOptions(**ANY_SIZE["fixed_saved_model_any_size"], quantization="bfloat16")
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "out"
            export_network(small_network(), out, options)
            loaded = LoadedExport(out, "grey")
            images = images_of((40, 56))
            # Every fifth pixel of every seventh column: whole numbers.
            answer, expected = loaded.predict(images), loaded.predict(images[:, 2::5, 3::7])
        self.assertAllClose(answer["probabilities"], expected["probabilities"], atol=0.02)

    def test_a_saved_model_is_no_larger(self):
        sizes = [
            (exported(name) / "saved_model.pb").stat().st_size
            for name in ("dynamic_saved_model", "dynamic_saved_model_any_size")
        ]
        self.assertLess(sizes[1], 1.02 * sizes[0])

    def test_onnx_takes_them_once_for_selector_and_estimator(self):
        graph = onnx.load(exported("dynamic_onnx_any_size") / "model.onnx").graph
        kinds = [node.op_type for node in graph.node]
        self.assertNotIn("If", kinds)
        # The estimator of this network has an input size, and resizes what it is given once more.
        self.assertEqual(kinds.count("Resize"), 2)
