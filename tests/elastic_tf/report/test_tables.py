"""Tests of the tables of results."""

import tensorflow as tf

from elastic_tf.report.tables import format_results
from tests.elastic_tf.report.planted import RESULTS, row_of


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
