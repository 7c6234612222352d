import json
import pathlib
import tempfile

import tensorflow as tf

from elastic_tf.models.elastic_network import ElasticNetwork
from tests.testing import TASKS
from tools.exporting.manifest import TaskImages, make_manifest, provenance, read_manifest
from tools.model_choice import ModelChoice
from tools.run_directory import RunDirectory


class ManifestTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.network = ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)

    def _make(self, choice):
        images = {"grey": TaskImages(["a", "b", "c"], "stretch")}
        return make_manifest("onnx", choice, self.network, images, "uint8", "none")

    def test_a_dynamic_export_says_what_it_takes(self):
        manifest = self._make(ModelChoice(budget=0.4))
        self.assertTrue(manifest["dynamic"])
        self.assertEqual((manifest["budget"], manifest["input_dtype"]), (0.4, "uint8"))
        grey = manifest["tasks"]["grey"]
        self.assertEqual(grey["labels"], ["a", "b", "c"])
        expected = {"height": 8, "width": 8, "channels": 1, "order": "grey", "fit": "stretch"}
        self.assertEqual(grey["image"] | expected, grey["image"])
        self.assertNotIn("levels", grey)

    def test_a_fixed_export_has_its_macs_without_a_selector(self):
        manifest = self._make(ModelChoice(levels=(1, 0, 3)))
        self.assertFalse(manifest["dynamic"])
        grey, table = manifest["tasks"]["grey"], self.network.cost_table("grey")
        self.assertEqual(grey["levels"], [1, 0, 3])
        expected = int(table.macs([[1, 0, 3]])[0]) - table.selector_macs
        self.assertEqual(grey["macs"], expected)

    def test_provenance_holds_flags_and_results(self):
        run = RunDirectory(self.folder / "run")
        run.claim({"seed": 3})
        self.assertIsNone(provenance(run)["results"])
        run.results.write_text(json.dumps({"grey": 1}))
        found = provenance(run)
        self.assertEqual((found["flags"], found["results"]), ({"seed": 3}, {"grey": 1}))
        self.assertEqual(found["tensorflow"], tf.__version__)

    def test_it_is_read_from_beside_the_model_or_from_its_assets(self):
        manifest = self._make(ModelChoice())
        for place in ("export.json", "assets/export.json"):
            file = self.folder / place
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(manifest))
            self.assertEqual(read_manifest(self.folder), manifest)
            file.unlink()

    def test_other_folders_are_refused(self):
        with self.assertRaisesRegex(FileNotFoundError, "An export must be .*Received"):
            read_manifest(self.folder)
        (self.folder / "export.json").write_text('{"tasks": {}}')
        with self.assertRaisesRegex(ValueError, "must have format.*Received"):
            read_manifest(self.folder)


if __name__ == "__main__":
    tf.test.main()
