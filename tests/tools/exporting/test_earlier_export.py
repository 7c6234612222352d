import json
import pathlib
import tempfile

import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.exporting.earlier_export import check_earlier_export
from elastic_tf_tools.exporting.export_variants import ExportVariant

WANTED = ExportVariant("1", "litert", "int8", ())
MANIFEST = {
    "format": "litert",
    "quantization": "int8",
    "dynamic": False,
    "budget": None,
    "input_dtype": "uint8",
    "tasks": {"digits": {}},
    "provenance": {"model_sha256": "abc"},
}


class EarlierExportTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _check(self, manifest, task="digits"):
        (self.folder / "export.json").write_text(json.dumps(manifest))
        check_earlier_export(self.folder, WANTED, task, "abc")

    def test_the_same_export_is_fine(self):
        self._check(MANIFEST)

    @parameterized.parameters(
        ("model", {"provenance": {"model_sha256": "abd"}}),
        ("model", {"provenance": {}}),
        ("task", {"tasks": {"birds": {}}}),
        ("format", {"format": "onnx"}),
        ("quantization", {"quantization": "none"}),
        ("dynamic, budget", {"dynamic": True, "budget": 0.5}),
    )
    def test_another_is_refused(self, what, values):
        fault = f"`--output_dir` must be new.*Received: .*, an export with another {what}$"
        with self.assertRaisesRegex(ValueError, fault):
            self._check(MANIFEST | values)

    @parameterized.parameters("{}", "no JSON", None)
    def test_what_is_no_export_is_refused(self, text):
        if text is not None:
            (self.folder / "export.json").write_text(text)
        with self.assertRaisesRegex(ValueError, "`--output_dir` must .*Received: .*, no export"):
            check_earlier_export(self.folder, WANTED, "digits", "abc")


if __name__ == "__main__":
    tf.test.main()
