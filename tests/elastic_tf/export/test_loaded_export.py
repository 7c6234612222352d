"""Tests of loading an export."""

import json
import pathlib
import sys
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.export.loaded_export import LoadedExport
from tests.elastic_tf.export.small_exports import described_task

MANIFEST = {
    "dynamic": False,
    "input_dtype": "uint8",
    "tasks": {"grey": described_task(7), "colour": described_task(9)},
}
PIXELS = tf.TensorSpec((None, 1, 1, 2), tf.uint8, name="images")


class LoadedExportTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _write(self, export_format, **values):
        manifest = MANIFEST | {"format": export_format} | values
        (self.folder / "export.json").write_text(json.dumps(manifest))

    @parameterized.parameters("saved_model", "keras", "litert", "onnx", "matlab")
    def test_missing_and_damaged_models_are_refused(self, export_format):
        self._write(export_format)
        for damage in (False, True):
            if damage:
                for name in ("saved_model.pb", "model.keras", "model.tflite", "model.onnx"):
                    (self.folder / name).write_bytes(b"damaged")
            with self.assertRaisesRegex(ValueError, f"a whole export of {export_format}. Received"):
                LoadedExport(self.folder, "grey")

    def test_a_saved_model_that_reads_files_is_refused_by_name(self):
        self._write("saved_model")
        module = tf.Module()
        module.predict = tf.function(lambda images: tf.io.read_file("/x"), [PIXELS])
        tf.saved_model.save(module, str(self.folder), signatures=module.predict)
        expected = "a whole export of saved_model. Received: the operation ReadFile in"
        with self.assertRaisesRegex(ValueError, expected):
            LoadedExport(self.folder, "grey")

    def test_one_of_several_tasks_must_be_named(self):
        self._write("keras")
        for task in (None, "birds"):
            with self.assertRaisesRegex(ValueError, f"one of grey, colour. Received: task={task}"):
                LoadedExport(self.folder, task)

    def test_a_fixed_model_answers_with_its_levels_and_macs(self):
        self._write("saved_model")
        module = tf.Module()
        module.predict = tf.function(
            lambda images: {"probabilities": tf.cast(images[:, 0, 0], tf.float32) / 10},
            [PIXELS],
        )
        tf.saved_model.save(
            module, str(self.folder), signatures={"serving_default": module.predict}
        )
        export = LoadedExport(self.folder, "colour")
        answer = export.predict(tf.constant([[[[2, 8]]], [[[9, 1]]]], tf.uint8).numpy())
        self.assertAllClose(answer["probabilities"], [[0.2, 0.8], [0.9, 0.1]])
        floats = export.predict(np.float32([[[[2, 8]]], [[[9, 1]]]]))
        self.assertAllEqual(floats["probabilities"], answer["probabilities"])
        with self.assertRaisesRegex(ValueError, "`images` must have whole pixels in 0..255"):
            export.predict(np.float32([[[[0.2, 0.8]]]]))
        self.assertAllEqual(answer["classes"], [1, 0])
        self.assertAllEqual(answer["levels"], [[1, 0], [1, 0]])
        self.assertAllEqual(answer["macs"], [9, 9])
        with self.assertRaisesRegex(ValueError, "`budget` must not be given.*Received"):
            export.check_budget(0.4)
        with self.assertRaisesRegex(ValueError, r"`budget` must be a number in \(0, 1\]"):
            export.check_budget(1.4)
        export.check_budget(None)

    @parameterized.parameters(("litert", "ai_edge_litert.interpreter"), ("onnx", "onnxruntime"))
    def test_a_missing_runtime_is_named(self, export_format, package):
        self._write(export_format)
        missing = mock.patch.dict(sys.modules, {package: None})
        with missing, self.assertRaisesRegex(ImportError, f"{package}.*`pip install elastic-tf"):
            LoadedExport(self.folder, "grey")
