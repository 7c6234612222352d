import csv
import pathlib
import tempfile

import tensorflow as tf
from elastic_tf_tools.budget_report import format_curves, write_csv

from tests.tools.small_curves import CURVES


class FormatCurvesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.digits, self.clothes = format_curves(CURVES).split("\n\n")

    def _row(self, start, text):
        (line,) = [line for line in self.digits.splitlines() if line.strip().startswith(start)]
        self.assertEqual(line.split()[-len(text.split()) :], text.split())

    def test_budgets_have_their_cost_and_accuracy(self):
        lines = [line for line in self.digits.splitlines() if "at the budget" in line]
        figures = [line.split()[3:] for line in lines]
        self.assertEqual(figures[1:], [["40.0", "39.0", "85.00"], ["80.0", "80.5", "95.00"]])

    def test_what_is_out_of_reach_is_marked(self):
        lines = [line for line in self.digits.splitlines() if "at the budget" in line]
        self.assertEqual([line.endswith("out of reach") for line in lines], [True, False, False])

    def test_choices_without_a_budget_are_beside_them(self):
        self._row("selector", "45.0 90.00")
        self._row("level 0 everywhere", "2.0 10.00")
        self._row("level 1 everywhere", "30.0 87.50")
        self._row("full model", "100.0 96.50")
        self.assertNotIn("level 2", self.digits)

    def test_the_largest_miss_is_of_budgets_within_reach(self):
        self.assertIn("largest miss of a budget within reach 1.00 points", self.digits)
        self.assertIn("no budget is within reach", self.clothes)

    def test_images_are_counted(self):
        self.assertStartsWith(self.digits, "digits: 600 images\n")


class WriteCsvTest(tf.test.TestCase):
    def test_every_choice_of_every_task_is_a_line(self):
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        write_csv(folder / "curve.csv", CURVES)
        self.assertEqual([path.name for path in folder.iterdir()], ["curve.csv"])
        with open(folder / "curve.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["task"] for row in rows], ["digits"] * 7 + ["clothes"] * 5)
        expected = {
            "task": "digits",
            "choice": "at the budget",
            "budget": "0.4",
            "price": "12.5",
            "is_reachable": "True",
            "macs_share": "0.39",
            "accuracy": "0.85",
        }
        self.assertEqual(rows[1], expected)
        self.assertEqual(rows[3]["choice"], "selector")
        self.assertEqual(rows[3]["budget"], "")


if __name__ == "__main__":
    tf.test.main()
