import csv
import pathlib
import shutil
import tempfile
from unittest import mock

import tensorflow as tf
from absl import flags
from absl.testing import flagsaver, parameterized
from elastic_tf_tools import budget_curve, calibrate
from elastic_tf_tools.run_directory import read_json

from tests.tools.commands import run_failing, run_main
from tests.tools.finished_run import save_run


def setUpModule():
    flags.FLAGS.mark_as_parsed()


class BudgetCurveTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.values = {"model_dir": str(cls.folder / "run"), "budgets": ["0.9", "0.01", "0.7"]}
        cls.run_directory, cls.network = save_run(cls.values["model_dir"])
        run_main(calibrate.main, model_dir=cls.values["model_dir"])
        cls.output_dir = cls.folder / "new" / "curve"
        cls.printed = cls._curve(cls.output_dir)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    @classmethod
    def _curve(cls, output_dir, run=run_main, **values):
        with mock.patch.object(budget_curve, "FLAGS", FlagsWithOutput(output_dir)):
            return run(budget_curve.main, **cls.values | values)

    def test_three_files_are_written_and_nothing_else(self):
        names = sorted(path.name for path in self.output_dir.iterdir())
        self.assertEqual(names, [f"budget_curve.{end}" for end in ("csv", "json", "png")])
        png = (self.output_dir / "budget_curve.png").read_bytes()
        self.assertAllGreater(tf.io.decode_png(png).shape[:2], 500)

    def test_budgets_of_the_test_split_are_met_in_rising_order(self):
        curve = read_json(self.output_dir / "budget_curve.json")["tasks"]["digits"]
        self.assertEqual(curve["num_images"], 600)
        self.assertEqual([point["budget"] for point in curve["budgets"]], [0.01, 0.7, 0.9])
        for point in curve["budgets"]:
            if point["is_reachable"]:
                # Random weights: costs deviate by 0.4, the mean of 600 images by 0.016, that of the
                # 1200 to calibrate on by 0.012, and their difference by 0.02.
                self.assertAllClose(point["macs_share"], point["budget"], atol=3 * 0.02)

    def test_the_settings_say_what_was_measured(self):
        settings = read_json(self.output_dir / "budget_curve.json")["settings"]
        expected = {"model_dir": self.values["model_dir"], "split": "test", "backbone": "wrn-8-1"}
        self.assertEqual(settings, expected)

    def test_the_table_and_the_csv_have_a_line_per_choice(self):
        with open(self.output_dir / "budget_curve.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertLen(rows, 3 + 1 + 4)
        self.assertEqual(self.printed.count("at the budget"), 3)
        self.assertIn("largest miss of a budget within reach", self.printed)

    def test_another_split_can_be_measured(self):
        output_dir = self.folder / "validation"
        printed = self._curve(output_dir, split="validation", budgets=["0.7"])
        self.assertIn("On the validation split", printed)
        curve = read_json(output_dir / "budget_curve.json")["tasks"]["digits"]
        self.assertEqual(curve["num_images"], 120)

    def test_a_run_without_calibration_is_an_error_and_nothing_is_made(self):
        run, _ = save_run(self.folder / "old")
        line = self._curve(self.folder / "none", run_failing, model_dir=str(run.path))
        self.assertRegex(line, "^error: `--model_dir` must hold a calibration.json")
        self.assertFalse((self.folder / "none").exists())

    def test_a_folder_that_cannot_be_made_is_an_error(self):
        (self.folder / "file").write_text("in the way")
        line = self._curve(self.folder / "file", run_failing)
        self.assertRegex(line, "^error: `--output_dir` must be a folder that can be made.")

    @parameterized.parameters("0", "1.2", "much", "nan")
    def test_budgets_out_of_range_are_refused(self, text):
        with self.assertRaisesRegex(flags.IllegalFlagValueError, "budgets"):
            with flagsaver.flagsaver(budgets=["0.5", text]):
                pass

    def test_a_budget_given_twice_is_refused(self):
        with self.assertRaisesRegex(flags.IllegalFlagValueError, "each once"):
            with flagsaver.flagsaver(budgets=["0.5", "0.50"]):
                pass

    def test_the_output_directory_is_a_flag_of_the_script(self):
        values = flags.FlagValues()
        budget_curve.define_output_dir(values)
        values(["budget_curve", "--output_dir=here"])
        self.assertEqual(values.output_dir, "here")


class FlagsWithOutput:
    """The flags with an --output_dir, which the script defines only where it is run."""

    def __init__(self, output_dir):
        self.output_dir = str(output_dir)

    def __getattr__(self, name):
        return getattr(flags.FLAGS, name)


if __name__ == "__main__":
    tf.test.main()
