"""Tests of what an export says of itself."""

import json
import pathlib
import subprocess
import tempfile
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.export import manifest
from elastic_tf.export.manifest import make_manifest, model_hash, read_manifest
from elastic_tf.export.options import ExportOptions
from tests.elastic_tf.export.small_exports import DESCRIPTIONS, LEVELS, small_network


def make(provenance=None, **options):
    return make_manifest(small_network(), ExportOptions(**options), DESCRIPTIONS, provenance or {})


class ManifestTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def test_a_dynamic_export_says_what_it_takes(self):
        made = make(input_dtype="float32")
        self.assertTrue(made["dynamic"])
        self.assertEqual((made["budget"], made["input_dtype"]), (None, "float32"))
        self.assertFalse(made["any_image_size"])
        grey, colour = made["tasks"]["grey"], made["tasks"]["colour"]
        self.assertEqual(grey["labels"], ["cat", "dog", "elk"])
        expected = {"height": 8, "width": 8, "channels": 1, "order": "grey", "fit": "stretch"}
        self.assertEqual(grey["image"] | expected, grey["image"])
        self.assertNotIn("levels", grey)
        # What is not described.
        self.assertEqual(colour["labels"], ["0", "1", "2", "3"])
        self.assertEqual((colour["image"]["order"], colour["image"]["fit"]), ("RGB", "crop"))

    def test_a_fixed_export_has_its_macs_without_a_selector(self):
        made = make(task="grey", levels=LEVELS)
        self.assertFalse(made["dynamic"])
        (grey,), table = made["tasks"].values(), small_network().cost_table("grey")
        self.assertEqual(grey["levels"], list(LEVELS))
        blocks = sum(table.block_macs[block, level] for block, level in enumerate(LEVELS))
        self.assertEqual(grey["macs"], table.fixed_macs + blocks)

    def test_provenance_is_kept_beside_versions_and_calibrations(self):
        found = make({"model": "model.keras"})["provenance"]
        self.assertEqual((found["model"], found["tensorflow"]), ("model.keras", tf.__version__))
        budgets = small_network().calibrations["grey"].budgets
        self.assertEqual(found["calibrations"]["grey"]["budgets"], budgets.tolist())
        self.assertEqual(set(found["calibrations"]), {"grey"})

    def test_a_model_is_told_by_its_hash(self):
        self.assertIsNone(model_hash(self.folder / "model.keras"))
        (self.folder / "model.keras").write_bytes(b"abc")
        # Of FIPS 180-2, appendix B.1.
        expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        self.assertEqual(model_hash(self.folder / "model.keras"), expected)

    def test_it_is_read_from_beside_the_model_or_from_its_assets(self):
        made = make()
        for place in ("export.json", "assets/export.json"):
            file = self.folder / place
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(made))
            self.assertEqual(read_manifest(self.folder), made)
            file.unlink()

    def test_other_folders_are_refused(self):
        with self.assertRaisesRegex(FileNotFoundError, "An export must be.*Received"):
            read_manifest(self.folder)
        (self.folder / "export.json").write_text('{"tasks": {}}')
        with self.assertRaisesRegex(ValueError, "must have format.*Received"):
            read_manifest(self.folder)

    @parameterized.parameters(
        ("tasks", []),
        ("tasks", None),
        ("labels", []),
        ("labels", [1, 2]),
        ("labels", None),
        ("image", {}),
        ("full_macs", 0),
        ("full_macs", "many"),
        ("levels", []),
        ("levels", [-1, 0, 0]),
        ("macs", 0),
        ("fit", "x"),
        ("height", 0),
    )
    def test_a_damaged_description_of_a_task_is_refused(self, key, value):
        made = make(task="grey", levels=LEVELS)
        task = made["tasks"]["grey"]
        for holder in (made, task, task["image"]):
            if key in holder:
                holder[key] = value
        (self.folder / "export.json").write_text(json.dumps(made))
        with self.assertRaisesRegex(ValueError, "export.json must say what tasks are. Received: "):
            read_manifest(self.folder)

    def _commit_within(self, top, package):
        """Returns what is told as the commit of a package in a new repository, and that commit."""
        source = package / "elastic_tf" / "export" / "manifest.py"
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
