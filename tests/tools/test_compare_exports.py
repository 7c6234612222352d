import pathlib
import tempfile
from unittest import mock

import tensorflow as tf
from absl import flags

from tests.tools.commands import OwnFlags, run_failing, run_main
from tests.tools.finished_run import save_run
from tools import compare_exports
from tools.run_directory import read_json

FEW = {"models": ["dynamic", "1"], "formats": ["saved_model", "onnx"], "quantizations": []}
QUICK = {"batch_sizes": ["1", "3"], "seconds_per_group": 0.0, "min_rounds": 2}


def setUpModule():
    flags.FLAGS.mark_as_parsed()


class CompareExportsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.run_directory, _ = save_run(self.folder / "run")

    def _compare(self, how=run_main, **values):
        own = OwnFlags(
            compare_exports, **{"output_dir": str(self.folder / "out")} | FEW | QUICK | values
        )
        with mock.patch.object(compare_exports, "FLAGS", own):
            return how(compare_exports.main, model_dir=str(self.run_directory.path))

    def test_exports_are_made_once_and_compared(self):
        printed = self._compare()
        self.assertIn("[4/4] 1_onnx", printed)
        again = self._compare()
        self.assertNotIn("[4/4]", again)
        out = self.folder / "out"
        table = (out / "comparison.md").read_text()
        self.assertIn(table, again)
        figures = read_json(out / "comparison.json")
        self.assertEqual(figures["settings"]["task"], "digits")
        rows = figures["rows"]
        formats = [(row["model"], row["format"]) for row in rows]
        self.assertEqual(formats[0], ("dynamic", "Python"))
        self.assertEqual(formats[-1], ("1", "onnx"))
        for row in rows[1:3]:  # The same network, whatever it runs on.
            for name in ("accuracy", "macs_share"):
                self.assertAllClose(row[name], rows[0][name], atol=2 / 600)
        self.assertEqual(set(rows[0]["time_ratios"].values()), {1.0})

    def test_the_reason_of_a_failed_export_is_told(self):
        error = self._compare(run_failing, models=["1-2"])
        self.assertIn("--levels=1-2", error)
        self.assertIn("`--levels` must be 3 numbers", error)

    def test_unknown_tasks_are_refused(self):
        error = self._compare(run_failing, task="birds")
        self.assertIn("`--task` must be one of digits. Received: task=birds", error)


if __name__ == "__main__":
    tf.test.main()
