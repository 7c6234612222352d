import pathlib
import shutil
import subprocess
import tempfile
from unittest import mock

import tensorflow as tf
from absl import flags
from absl.testing import flagsaver
from elastic_tf_tools import compare_exports
from elastic_tf_tools.run_directory import read_json

from tests.tools.commands import OwnFlags, run_failing, run_main
from tests.tools.finished_run import save_run

FEW = {"models": ["dynamic", "1"], "formats": ["saved_model", "onnx"], "quantizations": []}
QUICK = {"batch_sizes": ["1", "3"], "seconds_per_group": 0.0, "min_rounds": 2}


def setUpModule():
    flags.FLAGS.mark_as_parsed()


class CompareExportsTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.run_directory, _ = save_run(cls.folder / "run")
        cls.out = cls.folder / "out"
        cls.printed = cls._compare()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    @classmethod
    def _compare(cls, how=run_main, run=None, shared=None, **values):
        own = OwnFlags(compare_exports, **{"output_dir": str(cls.out)} | FEW | QUICK | values)
        run = run or cls.run_directory
        with mock.patch.object(compare_exports, "FLAGS", own):
            return how(compare_exports.main, model_dir=str(run.path), **shared or {})

    def test_exports_are_compared(self):
        self.assertIn("[4/4] 1_onnx", self.printed)
        figures = read_json(self.out / "comparison.json")
        self.assertEqual(figures["settings"]["task"], "digits")
        rows = figures["rows"]
        formats = [(row["model"], row["format"]) for row in rows]
        self.assertEqual(formats[0], ("dynamic", "Python"))
        self.assertEqual(formats[-1], ("1", "onnx"))
        for row in rows[1:3]:  # The same network, whatever it runs on.
            for name in ("accuracy", "macs_share"):
                self.assertAllClose(row[name], rows[0][name], atol=2 / 600)
        self.assertEqual(set(rows[0]["time_ratios"].values()), {1.0})

    def test_exports_are_made_once(self):
        with mock.patch("subprocess.run", side_effect=AssertionError("made again")):
            again = self._compare()
        self.assertIn((self.out / "comparison.md").read_text(), again)

    def test_exports_of_another_model_are_refused(self):
        other, _ = save_run(self.folder / "other", seed=1)
        error = self._compare(run_failing, other)
        self.assertRegex(error, "^error: `--output_dir` must be new.*another model\n$")

    def test_damaged_exports_are_one_line(self):
        damaged = self.folder / "damaged"
        shutil.copytree(self.out / "1_onnx", damaged / "1_onnx")
        (damaged / "1_onnx" / "model.onnx").write_bytes(b"damaged")
        few = {"models": ["1"], "formats": ["onnx"], "output_dir": str(damaged)}
        error = self._compare(run_failing, **few)
        self.assertRegex(error, "^error: .* must be a whole export of onnx.*Received")

    def test_where_the_data_are_is_passed_on(self):
        with flagsaver.flagsaver(), mock.patch("subprocess.run") as run:
            run.return_value = subprocess.CompletedProcess([], 1, "", "told\n")
            flags.FLAGS["tasks"].using_default_value = False
            flags.FLAGS["data_dir"].using_default_value = False
            shared = {"tasks": ["digits"], "data_dir": "/my data"}
            error = self._compare(run_failing, shared=shared, output_dir=str(self.folder / "new"))
        (command,) = run.call_args.args
        self.assertIn("--tasks=digits", command)
        self.assertIn("--data_dir=/my data", command)
        self.assertIn("must succeed. Received: told", error)

    def test_the_reason_of_a_failed_export_is_told(self):
        error = self._compare(run_failing, models=["1-2"])
        self.assertIn("--levels=1-2", error)
        self.assertIn("`--levels` must be 3 numbers", error)

    def test_unknown_tasks_are_refused(self):
        error = self._compare(run_failing, task="birds")
        self.assertIn("`--task` must be one of digits. Received: task=birds", error)


if __name__ == "__main__":
    tf.test.main()
