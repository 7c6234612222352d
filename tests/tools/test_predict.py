"""Tests of the command that predicts."""

import contextlib
import io
import json
import pathlib
import tempfile

from elastic_tf_tools import flags, predict

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from elastic_tf.export.loaded_export import LoadedExport
from elastic_tf.export.network_export import export_network
from elastic_tf.export.options import ExportOptions
from tests.elastic_tf.export.small_exports import small_network


@pytest.mark.slow
class PredictTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.served, cls.stretched = cls.folder / "served", cls.folder / "stretched"
        export_network(small_network(), cls.served, ExportOptions(task="grey"))
        fixed = ExportOptions("litert", "grey", (1, 0, 2), input_dtype="float32")
        stretch = {"grey": {"fit": "stretch", "labels": ["cat", "dog", "elk"]}}
        export_network(small_network(), cls.stretched, fixed, descriptions=stretch)
        cls.images = np.random.default_rng(0).integers(0, 256, (5, 8, 8), np.uint8)
        for name in ("b.png", "a.png", "sub/c.PNG", ".hidden.png", ".trash/d.png"):
            path = cls.folder / "pictures" / name
            path.parent.mkdir(exist_ok=True, parents=True)
            row = "abc".find(path.stem)
            Image.fromarray(cls.images[max(row, 0)]).save(path)
        (cls.folder / "pictures" / "notes.txt").write_text("no image")

    def _predict(self, *arguments, model=None):
        """Returns what was printed, the errors, and the exit status."""
        arguments = ["predict", f"--model={model or self.served}", *map(str, arguments)]
        out, errors, status = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(out):
            try:
                flags.run(predict, arguments)
            except SystemExit as stopped:
                status = stopped.code
        return out.getvalue(), errors.getvalue(), status

    @parameterized.parameters(None, 0.5)
    def test_every_image_has_a_line_of_what_the_export_answers(self, budget):
        arguments = ["--json", "--batch_size=2"] + ([f"--budget={budget}"] if budget else [])
        printed, _, status = self._predict(self.folder / "pictures", *arguments)
        self.assertEqual(status, 0)
        lines = [json.loads(line) for line in printed.splitlines()]
        # Of folders the images that are not hidden, sorted.
        names = [str(self.folder / "pictures" / name) for name in ("a.png", "b.png", "sub/c.PNG")]
        self.assertEqual([line["image"] for line in lines], names)
        export = LoadedExport(self.served)
        answer = export.predict(self.images[:3, ..., np.newaxis], budget)
        self.assertEqual([line["class"] for line in lines], [*map(str, answer["classes"])])
        confidence = answer["probabilities"].max(-1)
        self.assertAllClose([line["confidence"] for line in lines], confidence, atol=1e-5)
        self.assertAllEqual([line["levels"] for line in lines], answer["levels"])
        shares = answer["macs"] / export.properties["full_macs"]
        self.assertAllClose([line["macs_share"] for line in lines], shares, atol=1e-5)

    def test_the_table_names_class_confidence_macs_and_model(self):
        picture = self.folder / "pictures" / "a.png"
        (line,) = map(json.loads, self._predict(picture, "--json")[0].splitlines())
        header, row = self._predict(picture)[0].splitlines()
        for column in ("image", "class", "confidence", "MACs %", "model"):
            self.assertIn(column, header)
        self.assertIn(f"{100 * line['confidence']:.1f} %", row)
        self.assertEndsWith(row, "-".join(map(str, line["levels"])))

    def test_images_are_fitted_as_the_task_says(self):
        wide = np.zeros((8, 16), np.uint8)
        wide[:, :4] = 255  # Cut away by "crop", kept by "stretch".
        Image.fromarray(wide).save(self.folder / "wide.png")
        printed, _, _ = self._predict(self.folder / "wide.png", "--json", model=self.stretched)
        image = np.asarray(Image.fromarray(wide).resize((8, 8), Image.Resampling.LANCZOS))
        narrow = LoadedExport(self.stretched).predict(np.float32(image)[np.newaxis, ..., None])
        label = narrow["classes"][0]
        self.assertEqual(json.loads(printed)["class"], ["cat", "dog", "elk"][label])
        confidence = json.loads(printed)["confidence"]
        self.assertAllClose(confidence, narrow["probabilities"][0, label], atol=0.05)

    def test_bad_images_do_not_stop_the_rest(self):
        bad = self.folder / "bad.png"
        bad.write_bytes(b"no image")
        good = self.folder / "pictures" / "a.png"
        arguments = bad, good, self.folder / "missing.png", "--json", "--batch_size=1"
        printed, errors, status = self._predict(*arguments)
        self.assertEqual(json.loads(printed)["image"], str(good))
        self.assertIn("bad.png must be a whole image. Received: no image", errors)
        self.assertIn("missing.png must be a whole image. Received: No such file", errors)
        self.assertEqual(status, "error: 2 of 3 images could not be read")

    @parameterized.parameters(
        ("Arguments must be image files",),
        ("Arguments must be image files", "empty"),
        ("Arguments must be image files, or folders with some. Received: ''", ""),
        (r"Arguments hold no image: 1 photographs .*\(.heic 1\)", "phone"),
        ("An export must be a folder", "x.png", "--model=/nowhere"),
        ("`task` must be one of grey", "x.png", "--task=birds"),
        (r"flag --budget=2: `budget` must be a number in \(0.0, 1.0\]", "x.png", "--budget=2"),
    )
    def test_bad_arguments_are_refused(self, message, *arguments):
        (self.folder / "empty").mkdir(exist_ok=True)
        (self.folder / "phone").mkdir(exist_ok=True)
        (self.folder / "phone" / "a.heic").touch()
        folders = {name: self.folder / name for name in ("empty", "phone")}
        arguments = [folders.get(each, each) for each in arguments]
        _, error, status = self._predict(*arguments)
        self.assertRegex(error, f"^error: {message}.*")
        self.assertRegex(error, "Received|such as")
        self.assertEqual(status, 2)
