import pathlib
import shutil
import tempfile

import tensorflow as tf
from absl import flags
from absl.testing import flagsaver, parameterized
from elastic_tf_tools import evaluate
from elastic_tf_tools.calibration_file import write_calibrations
from elastic_tf_tools.run_directory import read_json

from elastic_tf.policies.budget import BudgetCalibration
from tests.tools.commands import run_failing, run_main
from tests.tools.finished_run import save_run


def setUpModule():
    flags.FLAGS.mark_as_parsed()


class EvaluateTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.run_directory, cls.network = save_run(cls.folder / "run")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    def _evaluate(self, **values):
        """Returns what was printed, and the figures of digits."""
        json_out = self.folder / "out.json"
        printed = run_main(
            evaluate.main,
            model_dir=str(self.run_directory.path),
            search_evaluations=0,
            json_out=str(json_out),
            **values,
        )
        return printed, read_json(json_out)["digits"]

    def test_a_budget_moves_the_selectors_choice_to_its_price(self):
        calibration = BudgetCalibration([0.2, 0.4, 0.8], [1e9, 1e9, -1e9])
        write_calibrations(self.run_directory.calibration, {"digits": calibration})
        table = self.network.cost_table("digits")
        for budget, level in ((0.4, 0), (0.8, 3)):
            printed, figures = self._evaluate(budget=budget)
            self.assertIn(f"at a budget of {100 * budget:g} % MACs", printed)
            expected = table.macs_share([[level] * 3])[0]
            self.assertAllClose(figures["macs_share"], expected)
            self.assertEqual(figures["budget"], budget)
            self.assertEqual(figures["accuracy"]["selector"], figures["accuracy"][f"level_{level}"])

    def test_without_a_budget_no_calibration_is_needed(self):
        self.run_directory.calibration.unlink(missing_ok=True)
        printed, figures = self._evaluate()
        self.assertIn("On the test split:", printed)
        self.assertNotIn("budget", figures)

    def test_a_budget_without_calibration_is_an_error(self):
        self.run_directory.calibration.unlink(missing_ok=True)
        line = run_failing(evaluate.main, model_dir=str(self.run_directory.path), budget=0.4)
        self.assertRegex(line, "^error: `--model_dir` must hold a calibration.json for `--budget`")

    @parameterized.parameters(0.0, -0.5, 1.01)
    def test_a_budget_out_of_range_is_refused(self, budget):
        with self.assertRaisesRegex(flags.IllegalFlagValueError, "budget"):
            with flagsaver.flagsaver(budget=budget):
                pass


if __name__ == "__main__":
    tf.test.main()
