import tensorflow as tf
from elastic_tf_tools.results_table import format_results

FIGURES = {
    "num_images": 200,
    "accuracy": {
        "selector": 0.875,
        "full": 0.88,
        "level_0": 0.1,
        "level_1": 0.88,
        "random": 0.5,
        "random_at_cost": 0.6,
        "best_fixed": 0.87,
        "shuffled": 0.86,
    },
    "density": 0.4321,
    "macs_share": 0.456,
    "fixed_macs_share": {"level_0": 0.02, "level_1": 1.0},
    "random_macs_share": 0.51,
    "full_macs": 2_000_000,
    "selector_macs": 100_000,
    "policy": {
        "distinct_models": 7,
        "entropy": 1.234,
        "top_share": 0.98,
        "top_models": [{"levels": [0, 1, 1], "share": 0.6}, {"levels": [1, 1, 1], "share": 0.4}],
        "macs": {"mean": 0.456, "p50": 0.44, "p95": 0.875},
    },
    "best_fixed": {"levels": [1, 0, 1], "macs_share": 0.45, "evaluations": 60},
    "gain_over_shuffled": {"points": 1.5, "low": 0.51, "high": 2.49},
    "gain_over_best_fixed": {"points": 0.5, "low": -0.7, "high": 1.68},
}


class ResultsTableTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.lines = format_results({"birds": FIGURES}).splitlines()

    def _row(self, start):
        (line,) = [line for line in self.lines if line.strip().startswith(start)]
        return line.split()[-2:]

    def test_rows_have_accuracy_and_cost(self):
        self.assertEqual(self._row("selector  "), ["87.50", "45.6"])
        self.assertEqual(self._row("full model"), ["88.00", "100.0"])
        self.assertEqual(self._row("level 0 everywhere"), ["10.00", "2.0"])
        self.assertEqual(self._row("random levels"), ["50.00", "51.0"])
        self.assertEqual(self._row("random at selector's cost"), ["60.00", "45.6"])
        self.assertEqual(self._row("best static, 1-0-1"), ["87.00", "45.0"])
        self.assertEqual(self._row("selector's choice, shuffled"), ["86.00", "45.6"])

    def test_the_summary_names_density_and_models(self):
        text = "\n".join(self.lines)
        self.assertIn("birds: 200 images, full model 2.00 million MACs", text)
        self.assertIn("density 0.432, selector 5.0 % of the full model's MACs", text)
        self.assertIn("MACs per image p50 44.0 %, p95 87.5 %", text)
        self.assertIn("7 distinct models, entropy 1.23 nats, top ten 98 %; most used: 0-1-1", text)

    def test_gains_have_intervals(self):
        text = "\n".join(self.lines)
        self.assertIn("gain over shuffled +1.50 points (95 %: +0.51 to +2.49)", text)
        self.assertIn("gain over static +0.50 points (95 %: -0.70 to +1.68)", text)

    def test_without_search_there_is_no_row_of_it(self):
        figures = {k: v for k, v in FIGURES.items() if "best_fixed" not in k}
        text = format_results({"birds": figures})
        self.assertNotIn("static", text)


if __name__ == "__main__":
    tf.test.main()
