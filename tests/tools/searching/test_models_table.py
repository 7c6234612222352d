import csv
import pathlib
import tempfile

import tensorflow as tf
from elastic_tf_tools.searching.models_table import format_models, write_models_csv

FOUND = {
    "birds": {
        "num_candidates": 4096,
        "tried": [
            {"levels": [2, 0], "macs_share": 0.5, "validation_accuracy": 0.75},
            {"levels": [0, 1], "macs_share": 0.25, "validation_accuracy": 0.5},
        ],
        "best": [
            {
                "limit": 0.5,
                "levels": [2, 0],
                "macs_share": 0.5,
                "validation_accuracy": 0.75,
                "test_accuracy": 0.625,
            }
        ],
        "selector": {"macs_share": 0.375, "validation_accuracy": 0.8, "test_accuracy": 0.7},
    }
}


class ModelsTableTest(tf.test.TestCase):
    def test_a_row_for_each_limit_and_the_selector(self):
        text = format_models(FOUND)
        self.assertIn("| at most 50 % | 2-0 | 50.0 | 75.00 | 62.50 |", text)
        self.assertIn("| the selector's choice | per image | 37.5 | 80.00 | 70.00 |", text)
        self.assertIn("2 of 4,096 models tried", text)

    def test_csv_holds_all_tried_by_rising_macs(self):
        path = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "models.csv"
        write_models_csv(path, FOUND)
        with open(path) as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["levels"] for row in rows], ["0-1", "2-0"])
        self.assertEqual(rows[0]["task"], "birds")
        self.assertEqual(float(rows[1]["validation_accuracy"]), 0.75)


if __name__ == "__main__":
    tf.test.main()
