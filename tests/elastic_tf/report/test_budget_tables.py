"""Tests of tables and CSV files of budgets and fixed models."""

import pathlib
import tempfile

import tensorflow as tf

from elastic_tf.report.budget_tables import (
    format_bounds,
    format_curves,
    format_fixed_models,
    write_curves_csv,
    write_fixed_models_csv,
)
from tests.elastic_tf.report.planted import CURVES, FOUND, csv_rows, row_of


class CurvesTest(tf.test.TestCase):
    def test_budgets_and_what_is_beside_them(self):
        cats, dogs = format_curves(CURVES).split("\n\n")
        self.assertStartsWith(cats, "cats: 600 images\n")
        budgets = [line.split()[3:] for line in cats.splitlines() if "at the budget" in line]
        self.assertEqual(budgets[0], ["5.0", "10.0", "70.00", "out", "of", "reach"])
        self.assertEqual(budgets[1:], [["40.0", "39.0", "85.00"], ["80.0", "80.5", "95.00"]])
        self.assertEqual(row_of(cats, "selector"), ["45.0", "90.00"])
        self.assertEqual(row_of(cats, "level 1 everywhere"), ["30.0", "87.50"])
        self.assertEqual(row_of(cats, "full model"), ["100.0", "96.50"])
        self.assertNotIn("level 2", cats)
        self.assertIn("largest miss of a budget within reach 1.00 points", cats)
        self.assertIn("no budget is within reach", dogs)


class FixedModelsTest(tf.test.TestCase):
    def test_a_row_for_each_budget_and_the_selector(self):
        text = format_fixed_models(FOUND)
        self.assertEqual(row_of(text, "| at most 50 %"), "| 2-0 | 50.0 | 75.00 | 62.50 |".split())
        cells = "| per image | 37.5 | 80.00 | 70.00 |".split()
        self.assertEqual(row_of(text, "| the selector's choice"), cells)
        self.assertIn("3 of 4,096 models tried", text)


class BoundsTest(tf.test.TestCase):
    def test_a_row_for_what_is_seen_and_a_column_for_each_budget(self):
        def seen(points):
            return {"gain_over_front": {"points": points, "low": points - 1, "high": points + 1}}

        budgets = [
            {"budget": 0.3, "front": 0.8, "seen": {"labels": seen(9.0), "answer": seen(0.5)}},
            {"budget": 0.45, "front": 0.9, "seen": {"labels": seen(8.0), "answer": seen(-0.25)}},
        ]
        text = format_bounds(
            {"cats": {"cheap": {"levels": [1, 0], "macs_share": 0.3}, "budgets": budgets}}
        )
        self.assertEqual(text.splitlines()[1].split()[-4:], ["30", "%", "45", "%"])
        self.assertEqual(row_of(text, "the labels"), ["+9.00", "+8.00"])
        self.assertEqual(row_of(text, "its answer, model 1-0, 30 %"), ["+0.50", "-0.25"])


class CsvTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def test_every_choice_of_every_task_is_a_line(self):
        write_curves_csv(self.folder / "curve.csv", CURVES)
        rows = csv_rows(self.folder / "curve.csv")
        self.assertEqual([row["task"] for row in rows], ["cats"] * 7 + ["dogs"] * 5)
        expected = {
            "task": "cats",
            "choice": "at the budget",
            "budget": "0.4",
            "price": "12.5",
            "is_reachable": "True",
            "macs_share": "0.39",
            "accuracy": "0.85",
        }
        self.assertEqual(rows[1], expected)
        self.assertEqual((rows[3]["choice"], rows[3]["budget"]), ("selector", ""))

    def test_fixed_models_come_by_rising_macs(self):
        write_fixed_models_csv(self.folder / "models.csv", FOUND)
        rows = csv_rows(self.folder / "models.csv")
        self.assertEqual([row["levels"] for row in rows], ["0-1", "2-0", "1-1"])
        self.assertEqual(rows[0]["task"], "birds")
        self.assertEqual(float(rows[1]["validation_accuracy"]), 0.75)


if __name__ == "__main__":
    tf.test.main()
