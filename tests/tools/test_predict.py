import contextlib
import io
import json
import pathlib
import shutil
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
from absl import flags
from elastic_tf_tools import calibrate, export, predict
from PIL import Image

from elastic_tf.export.loaded_export import LoadedExport
from tests.tools.commands import OwnFlags, run_main
from tests.tools.finished_run import save_run


def setUpModule():
    flags.FLAGS.mark_as_parsed()


class PredictTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        run, _ = save_run(cls.folder / "run")
        run_main(calibrate.main, model_dir=str(run.path))
        cls.served = cls.folder / "served"
        own = OwnFlags(export, output_dir=str(cls.served))
        with mock.patch.object(export, "FLAGS", own):
            run_main(export.main, model_dir=str(run.path))
        cls.images = np.random.default_rng(0).integers(0, 256, (5, 8, 8), np.uint8)
        cls.pictures = cls.folder / "pictures"
        cls.pictures.mkdir()
        for row, image in enumerate(cls.images):
            Image.fromarray(image).save(cls.pictures / f"{row}.png")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    def _predict(self, *arguments, model=None, **values):
        """Returns what was printed, the errors, and the exit status."""
        out, err, status = io.StringIO(), io.StringIO(), 0
        own = OwnFlags(predict, model=str(model or self.served), **values)
        with (
            mock.patch.object(predict, "FLAGS", own),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                predict.main(["predict", *map(str, arguments)])
            except SystemExit as stopped:
                status = stopped.code
        return out.getvalue(), err.getvalue(), status

    def test_every_image_has_a_line_of_what_the_export_answers(self):
        for budget in (None, 0.5):
            printed, _, status = self._predict(
                self.pictures, json=True, batch_size=2, budget=budget
            )
            self.assertEqual(status, 0)
            lines = [json.loads(line) for line in printed.splitlines()]
            names = [str(self.pictures / f"{row}.png") for row in range(5)]
            self.assertEqual([line["image"] for line in lines], names)
            export_ = LoadedExport(self.served)
            answer = export_.predict(self.images[..., None], budget)
            self.assertEqual([line["class"] for line in lines], [*map(str, answer["classes"])])
            confidence = answer["probabilities"].max(-1)
            self.assertAllClose([line["confidence"] for line in lines], confidence, atol=1e-5)
            self.assertAllEqual([line["levels"] for line in lines], answer["levels"])
            shares = answer["macs"] / export_.properties["full_macs"]
            self.assertAllClose([line["macs_share"] for line in lines], shares, atol=1e-5)

    def test_the_table_names_class_confidence_macs_and_model(self):
        printed, _, _ = self._predict(self.pictures / "3.png")
        (line,) = (json.loads(self._predict(self.pictures / "3.png", json=True)[0]),)
        header, row = printed.splitlines()
        for column in ("image", "class", "confidence", "MACs %", "model"):
            self.assertIn(column, header)
        self.assertIn(f"{100 * line['confidence']:.1f} %", row)
        self.assertEndsWith(row, "-".join(map(str, line["levels"])))

    def test_bad_images_do_not_stop_the_rest(self):
        bad = self.folder / "bad.png"
        bad.write_bytes(b"no image")
        arguments = (bad, self.pictures / "0.png", self.folder / "missing.png")
        printed, errors, status = self._predict(*arguments, json=True)
        self.assertEqual(len(printed.splitlines()), 1)
        self.assertEqual(len(errors.splitlines()), 2)
        self.assertIn("bad.png must be a whole image. Received: no image", errors)
        self.assertIn("missing.png must be a whole image. Received: No such file", errors)
        self.assertEqual(status, "error: 2 of 3 images could not be read")

    def test_bad_arguments_are_refused(self):
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        for message, arguments, values in (
            ("Arguments must be image files", (), {}),
            ("Arguments must be image files", (empty,), {}),
            ("`--model` must be a folder", ("x.png",), {"model": self.pictures}),
            ("`--task` must be one of digits", ("x.png",), {"task": "birds"}),
        ):
            _, error, status = self._predict(*arguments, **values)
            self.assertStartsWith(error, f"error: {message}")
            self.assertIn("Received", error)
            self.assertEqual(status, 2)


if __name__ == "__main__":
    tf.test.main()
