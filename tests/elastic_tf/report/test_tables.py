"""Tests of tables, and of the CSV files of curves and fixed models."""

import csv
import pathlib
import tempfile

import numpy as np
import tensorflow as tf

from elastic_tf.report.analysis_csv import write_analysis_csv
from elastic_tf.report.tables import (
    format_curves,
    format_fixed_models,
    format_results,
    write_curves_csv,
    write_fixed_models_csv,
)
from tests.elastic_tf.report.planted import (
    CURVES,
    FOUND,
    MACS,
    RESULTS,
    planted_analysis,
    planted_routing,
    two_tasks,
)


def row_of(text, start):
    """Returns the words of the one line that starts so, without them."""
    (line,) = [line for line in text.splitlines() if line.strip().startswith(start)]
    return line.strip().removeprefix(start).split()


class ResultsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.text = format_results({"birds": RESULTS})

    def test_rows_have_accuracy_and_cost(self):
        for start, expected in {
            "selector  ": ["87.50", "45.6"],
            "full model": ["88.00", "100.0"],
            "level 0 everywhere": ["10.00", "2.0"],
            "random levels": ["50.00", "51.0"],
            "random at selector's cost": ["60.00", "45.6"],
            "fixed models, mixed": ["86.50", "45.6"],
            "selector's choice, shuffled": ["86.00", "45.6"],
        }.items():
            self.assertEqual(row_of(self.text, start), expected)

    def test_the_summary_names_density_and_models(self):
        self.assertIn("birds: 200 images, full model 2.00 million MACs", self.text)
        self.assertIn("density 0.432, selector 5.0 % of the full model's MACs", self.text)
        self.assertIn("MACs per image p50 44.0 %, p95 87.5 %", self.text)
        self.assertIn("7 distinct models, entropy 1.23 nats, top ten 98 %; most used:", self.text)
        self.assertIn("0-1-1 (60 %), 1-1-1 (40 %)", self.text)

    def test_gains_have_intervals(self):
        self.assertIn("its shuffled choices +1.50 points (95 %: +0.51 to +2.49)", self.text)
        for text in (
            "over fixed models and their mixtures +0.50 points (95 %: -0.70 to +1.68)",
            "over those best on these images +0.25 points (95 %: -0.90 to +1.40)",
            "over fixed models, mean over budgets +0.75 points (95 %: -0.50 to +1.90)",
        ):
            self.assertIn(text, self.text)

    def test_budgets_are_a_table_of_their_own(self):
        for row in (
            r"  budget %  +selector +second look\n",
            r"  30  +85\.00 at 31\.0: -0\.50 \(-1\.00 to \+0\.00\) *\n",
            r"  40  +86\.00 at 41\.0: \+0\.70 \(\+0\.20 to \+1\.20\)\n",
        ):
            self.assertRegex(self.text, row)

    def test_a_top5_is_told_where_it_is_measured(self):
        self.assertNotIn("top-5", self.text)
        figures = RESULTS | {"top5_accuracy": {"selector": 0.98765, "full": 0.99}}
        text = format_results({"birds": figures})
        self.assertIn("\n  top-5 accuracy 98.77 %, full model 99.00 %\n", text)

    def test_without_search_there_is_no_row_of_it(self):
        figures = {
            key: of
            for key, of in RESULTS.items()
            if "front" not in key and "second" not in key and "budget" not in key
        }
        self.assertNotIn("fixed models", format_results({"birds": figures}))


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


class CsvTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _rows(self, name):
        with (self.folder / name).open(newline="") as file:
            return list(csv.DictReader(file))

    def test_every_choice_of_every_task_is_a_line(self):
        write_curves_csv(self.folder / "curve.csv", CURVES)
        rows = self._rows("curve.csv")
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
        rows = self._rows("models.csv")
        self.assertEqual([row["levels"] for row in rows], ["0-1", "2-0", "1-1"])
        self.assertEqual(rows[0]["task"], "birds")
        self.assertEqual(float(rows[1]["validation_accuracy"]), 0.75)

    def test_an_analysis_has_the_numbers_behind_its_figures(self):
        paths = write_analysis_csv(self.folder, two_tasks())
        self.assertCountEqual(paths, self.folder.iterdir())
        models = self._rows("figure_3a_models.csv")
        images = {(row["task"], row["model"]): int(row["images"]) for row in models}
        self.assertEqual(images["cats", "1-1"], 12)  # Classes 1 and 2.
        self.assertEqual(images["all tasks", "1-1"], 12 + 7)
        self.assertEqual([row["rank"] for row in models if row["task"] == "dogs"], ["1", "2"])
        levels = self._rows("figure_3b_levels.csv")
        first = sum(float(each["mean_probability"]) for each in levels[:3])
        self.assertLen(levels, 3 * 2 * 3)
        self.assertAllClose(first, 1)
        (row,) = self._rows("task_agreement.csv")
        self.assertEqual((row["first"], row["second"]), ("cats", "dogs"))
        # Of models 1-1 and 0-2: 12 and 3 of 20 images, 7 and 9 of 16.
        self.assertAllClose(float(row["overlap"]), 7 / 16 + 3 / 20)
        self.assertBetween(float(row["mean_level_overlap"]), 0, 1)

    def test_groups_count_the_classes_of_their_images(self):
        write_analysis_csv(self.folder, two_tasks())
        shared = self._rows("figure_4_shared.csv")
        of_model = [row for row in shared if (row["task"], row["model"]) == ("dogs", "1-1")]
        self.assertEqual([row["count"] for row in of_model], ["0", "6", "1", "0"])
        self.assertEqual(of_model[0]["class"], "class 0")
        self.assertEqual({row["tasks"] for row in shared}, {"cats dogs"})
        shares = {(row["model"], row["task"]): row for row in self._rows("shared_models.csv")}
        self.assertAllClose(float(shares["1-1", "dogs"]["share"]), 7 / 16)
        groups = self._rows("figure_4_groups.csv")
        self.assertLen(groups, (3 + 2) * 4)
        self.assertEqual(of_model[0]["lift"], "")  # There is no such image.

    def test_classes_and_what_they_are_taken_for(self):
        write_analysis_csv(self.folder, two_tasks())
        labels = two_tasks().routings[1].routed.labels
        is_even = np.arange(16) % 2 == 0
        none, one, *_ = [row for row in self._rows("classes.csv") if row["task"] == "dogs"]
        self.assertEqual((none["images"], none["full_accuracy"], none["macs_share"]), ("0", "", ""))
        self.assertEqual((one["class"], one["images"]), ("class 1", "6"))
        right = np.mean(is_even[labels == 1])
        self.assertAllClose(float(one["selector_accuracy"]), right)
        self.assertAllClose(float(one["full_accuracy"]), 1 - (labels[1] == 1) / 6)
        self.assertAllClose(float(one["macs_share"]), MACS[1])
        counts = {
            (row["choice"], row["class"], row["answer"]): int(row["images"])
            for row in self._rows("confusions.csv")
            if row["task"] == "dogs"
        }
        self.assertEqual(counts["selector", "class 3", "class 0"], np.sum(~is_even[labels == 3]))
        self.assertEqual(sum(counts.values()), 2 * 16)
        self.assertNotIn(("selector", "class 1", "class 0"), counts)

    def test_one_task_shares_nothing(self):
        paths = write_analysis_csv(self.folder, planted_analysis(planted_routing()))
        names = [path.stem for path in paths]
        figures = ["figure_3a_models", "figure_3b_levels", "figure_4_groups", "second_look_images"]
        self.assertEqual(names, ["classes", "confusions", *figures])
