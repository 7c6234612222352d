""""""

import json
import pathlib
import subprocess
import tempfile
from unittest import mock

import tensorflow as tf
from elastic_tf_tools.exporting import manifest
from elastic_tf_tools.run_directory import RunDirectory

from elastic_tf.export.manifest import TaskImages, make_manifest, provenance, read_manifest
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.policies.model_choice import ModelChoice
from tests.testing import TASKS


class ManifestTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.network = ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)

    def _make(self, choice):
        images = {"grey": TaskImages(["a", "b", "c"], "stretch")}
        return make_manifest("onnx", choice, self.network, images, "uint8", "none")

    def test_a_dynamic_export_says_what_it_takes(self):
        made = self._make(ModelChoice(budget=0.4))
        self.assertTrue(made["dynamic"])
        self.assertEqual((made["budget"], made["input_dtype"]), (0.4, "uint8"))
        grey = made["tasks"]["grey"]
        self.assertEqual(grey["labels"], ["a", "b", "c"])
        expected = {"height": 8, "width": 8, "channels": 1, "order": "grey", "fit": "stretch"}
        self.assertEqual(grey["image"] | expected, grey["image"])
        self.assertNotIn("levels", grey)

    def test_a_fixed_export_has_its_macs_without_a_selector(self):
        made = self._make(ModelChoice(levels=(1, 0, 3)))
        self.assertFalse(made["dynamic"])
        grey, table = made["tasks"]["grey"], self.network.cost_table("grey")
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
        self.assertIsNone(found["model_sha256"])

    def test_the_model_is_told_by_its_hash(self):
        run = RunDirectory(self.folder / "run")
        run.claim({"seed": 3})
        run.model.write_bytes(b"abc")
        # Of FIPS 180-2, appendix B.1.
        expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        self.assertEqual(provenance(run)["model_sha256"], expected)

    def test_it_is_read_from_beside_the_model_or_from_its_assets(self):
        made = self._make(ModelChoice())
        for place in ("export.json", "assets/export.json"):
            file = self.folder / place
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(made))
            self.assertEqual(read_manifest(self.folder), made)
            file.unlink()

    def test_other_folders_are_refused(self):
        with self.assertRaisesRegex(FileNotFoundError, "`--model` must be.*Received: model="):
            read_manifest(self.folder)
        (self.folder / "export.json").write_text('{"tasks": {}}')
        with self.assertRaisesRegex(ValueError, "must have format.*Received"):
            read_manifest(self.folder)

    def _commit_within(self, top, package):
        """Returns what is told as the commit of a package in a new repository, and that commit."""
        source = package / "tools" / "exporting" / "manifest.py"
        source.parent.mkdir(parents=True)
        source.write_text("one")
        git = ["git", "-C", str(top), "-c", "user.name=a", "-c", "user.email=a@b.example"]
        for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
            subprocess.run([*git, *arguments], check=True)
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True)
        with mock.patch.object(manifest, "__file__", str(source)):
            found = manifest._commit()
            source.write_text("two")
            return found, manifest._commit(), head.stdout.strip()

    def test_the_commit_is_that_of_the_source_and_changes_are_told(self):
        clean, changed, head = self._commit_within(self.folder, self.folder)
        self.assertLen(head, 40)
        self.assertEqual((clean, changed), (head, f"{head}-dirty"))

    def test_the_commit_of_an_enclosing_repository_is_not_ours(self):
        package = self.folder / ".venv" / "site-packages"
        clean, changed, _ = self._commit_within(self.folder, package)
        self.assertEqual((clean, changed), (None, None))


if __name__ == "__main__":
    tf.test.main()
